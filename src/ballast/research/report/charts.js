(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const MAX_MARKERS_PER_SIDE = 1500;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const series = (index) => css(`--series-${(index % 12) + 1}`);

  function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Float64Array(bytes.buffer);
  }

  const fontFamily = () => getComputedStyle(document.body).fontFamily;

  function layout(changes) {
    const axis = { gridcolor: css("--line"), linecolor: css("--line"), zeroline: false, automargin: true, fixedrange: false };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: fontFamily(), size: 12, color: css("--muted") },
      margin: { l: 8, r: 8, t: 34, b: 8 },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.01, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: {
        bgcolor: css("--raised"), bordercolor: css("--line"), align: "left",
        font: { family: fontFamily(), color: css("--ink"), size: 12 },
      },
      xaxis: { ...axis, type: "date", showgrid: false, hoverformat: "%Y-%m-%d %H:%M" },
      yaxis: { ...axis },
    };
    for (const [key, value] of Object.entries(changes)) {
      base[key] = key.includes("axis") ? { ...axis, ...base[key], ...value } : value;
    }
    return base;
  }

  const options = { responsive: true, displaylogo: false, displayModeBar: false, showTips: false };

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
      legend: { ...layout({}).legend, traceorder: "reversed" },
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
  const digits = (value) => value.toLocaleString("en-GB", { maximumSignificantDigits: 6 });

  function thinned(indices) {
    const step = Math.ceil(indices.length / MAX_MARKERS_PER_SIDE);
    return step > 1 ? indices.filter((_, position) => position % step === 0) : indices;
  }

  /* trades */
  // What the reader zoomed to. A zoom in time alone leaves the prices to fit what is in view.
  function zoomed(change) {
    const { xaxis, yaxis } = chart.layout;
    const isPriceZoom = Object.keys(change).some((key) => key.startsWith("yaxis"));
    // The axis speaks of UTC without saying so.
    const time = (end) => (typeof end === "number" ? end : Date.parse(`${end.replace(" ", "T")}Z`));
    return {
      x: xaxis.autorange || !xaxis.range ? undefined : xaxis.range.map(time),
      y: isPriceZoom && !yaxis.autorange ? yaxis.range : undefined,
    };
  }

  function draw() {
    drawEquity();
    drawAllocation();
    drawTrades();
  }

  draw();
  select.addEventListener("change", () => drawTrades());
  chart.on("plotly_relayout", (change) => {
    if (Object.keys(change).some((key) => key.includes("axis"))) drawTrades(zoomed(change));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
