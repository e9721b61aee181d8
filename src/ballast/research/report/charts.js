(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const MAX_MARKERS = 3000;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const series = (index) => css(`--series-${(index % 10) + 1}`);

  function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Float64Array(bytes.buffer);
  }

  function layout(changes) {
    const axis = { gridcolor: css("--line"), linecolor: css("--line"), zeroline: false, automargin: true, fixedrange: false };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--muted") },
      margin: { l: 8, r: 8, t: 34, b: 8 },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.01, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--line"), font: { color: css("--ink"), size: 12 }, align: "left" },
      xaxis: { ...axis, type: "date", showgrid: false, hoverformat: "%Y-%m-%d %H:%M" },
      yaxis: { ...axis },
    };
    for (const [key, value] of Object.entries(changes)) {
      base[key] = key.includes("axis") ? { ...axis, ...base[key], ...value } : value;
    }
    return base;
  }

  const options = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };

  function drawEquity() {
    const { run, drawdown, benchmarks } = data.equity;
    const line = (one, color, width) => ({
      type: "scatter", mode: "lines", name: one.name, x: unpacked(one.ts), y: unpacked(one.value),
      line: { color, width }, hovertemplate: "%{y:,.2f}",
    });
    const traces = benchmarks.map((one, index) => line(one, series(index + 1), 1.1));
    traces.push(line(run, css("--accent"), 2));
    traces.push({
      ...line(drawdown, css("--loss"), 1), yaxis: "y2", fill: "tozeroy", fillcolor: translucent(css("--loss"), 0.18),
      hovertemplate: "%{y:.2%}", showlegend: false,
    });
    Plotly.react("equity-chart", traces, layout({
      hovermode: "x unified",
      xaxis: { anchor: "y2" },
      yaxis: { domain: [0.3, 1], tickformat: ",.0f" },
      yaxis2: { domain: [0, 0.25], tickformat: ".0%", rangemode: "tozero", nticks: 4 },
    }), options);
  }

  function translucent(hex, alpha) {
    const channels = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
    return `rgba(${channels.join(",")},${alpha})`;
  }

  function drawAllocation() {
    const { ts, stacked, columns } = data.allocation;
    const x = unpacked(ts);
    const traces = columns.map((column, index) => {
      const color = stacked && index === columns.length - 1 ? css("--reserve") : series(index);
      return {
        type: "scatter", mode: "lines", name: column.name, x, y: unpacked(column.value), hovertemplate: "%{y:.1%}",
        line: { color, width: stacked ? 0 : 1.5, shape: "hv" },
        ...(stacked ? { stackgroup: "weights", fillcolor: color } : {}),
      };
    });
    const range = stacked ? { range: [0, 1] } : {};
    Plotly.react("allocation-chart", traces, layout({ hovermode: "x unified", yaxis: { tickformat: ".0%", ...range } }), options);
  }

  const select = document.getElementById("trade-symbol");
  const note = document.getElementById("trade-note");
  const chart = document.getElementById("trade-chart");
  const decoded = new Map();

  function trades(index) {
    if (!decoded.has(index)) {
      const one = data.trades.symbols[index];
      const fills = Object.fromEntries(Object.entries(one.fills).map(([key, text]) => [key, unpacked(text)]));
      decoded.set(index, { name: one.name, ts: unpacked(one.ts), value: unpacked(one.value), fills });
    }
    return decoded.get(index);
  }

  const digits = (value) => value.toLocaleString("en-GB", { maximumSignificantDigits: 6 });

  function markers(fills, side, shown, color, symbol, name) {
    const mine = shown.filter((index) => fills.side[index] === side);
    const text = mine.map((index) => {
      const event = fills.event[index] > 0 ? ` · event ${fills.event[index]}` : "";
      return `<b>${side > 0 ? "Buy" : "Sell"} ${digits(fills.qty[index])} at ${digits(fills.price[index])}</b><br>` +
        `${data.trades.reasons[fills.reason[index]]}${event}<br>fee ${digits(fills.fee[index])}`;
    });
    return {
      type: "scatter", mode: "markers", name, x: mine.map((index) => fills.ts[index]), y: mine.map((index) => fills.price[index]), text,
      hovertemplate: "%{x|%Y-%m-%d %H:%M}<br>%{text}<extra></extra>",
      marker: { color, symbol, size: 9, line: { color: css("--paper"), width: 1 } },
    };
  }

  function drawTrades(range) {
    const { name, ts, value, fills } = trades(Number(select.value));
    const inside = [];
    for (let index = 0; index < fills.ts.length; index += 1) {
      if (!range || (fills.ts[index] >= range[0] && fills.ts[index] <= range[1])) inside.push(index);
    }
    const step = Math.ceil(inside.length / MAX_MARKERS) || 1;
    const shown = step > 1 ? inside.filter((_, index) => index % step === 0) : inside;
    note.textContent = step > 1
      ? `${shown.length.toLocaleString("en-GB")} of ${inside.length.toLocaleString("en-GB")} fills drawn; zoom in to see each`
      : `${inside.length.toLocaleString("en-GB")} fills${range ? " in view" : ""}`;
    const traces = [
      { type: "scatter", mode: "lines", name, x: ts, y: value, line: { color: css("--muted"), width: 1 }, hoverinfo: "skip" },
      markers(fills, 1, shown, css("--gain"), "triangle-up", "Buys"),
      markers(fills, -1, shown, css("--loss"), "triangle-down", "Sells"),
    ];
    const view = layout({ hovermode: "closest", uirevision: select.value, yaxis: { exponentformat: "none", tickformat: "~r" } });
    Plotly.react(chart, traces, view, options);
  }

  function visibleRange(change) {
    if (change["xaxis.autorange"]) return null;
    if (change["xaxis.range[0]"] === undefined) return undefined;
    // The axis speaks of UTC without saying so.
    return [0, 1].map((end) => Date.parse(`${String(change[`xaxis.range[${end}]`]).replace(" ", "T")}Z`));
  }

  function draw() {
    drawEquity();
    drawAllocation();
    drawTrades();
  }

  draw();
  select.addEventListener("change", () => drawTrades());
  chart.on("plotly_relayout", (change) => {
    const range = visibleRange(change);
    if (range !== undefined) drawTrades(range);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
