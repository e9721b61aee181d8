  const LEGS = ["--long", "--short"];
  const [OPENS, CLOSES, BY_ENGINE, LIQUIDATES] = [0, 1, 2, 3];
  const STATE_COLORS = [null, "--frozen", "--panic", "--emergency", "--halted"];
  const MAX_LEVELS = 1500;
  const MAX_BANDS = 400;
  // Between panels: a title over a legend, which takes four rows on a narrow screen.
  const GAP = innerWidth < 700 ? 108 : 46;
  const decoded = new Map();

  const columns = (packed) => Object.fromEntries(Object.entries(packed).map(([key, text]) => [key, unpacked(text)]));
  const steps = (part) => ({ leg: Number(part.leg), ts: unpacked(part.ts), price: unpacked(part.price) });
  const line = (one) => ({ name: one.name, ts: unpacked(one.ts), value: unpacked(one.value) });

  function symbolData(index) {
    if (!decoded.has(index)) {
      const one = data.trades.symbols[index];
      decoded.set(index, {
        ...line(one), fills: columns(one.fills), levels: columns(one.levels), mark: one.mark && line(one.mark),
        entry: one.entry.map(steps), exits: one.exits.map(steps),
        names: one.leg_names,
      });
    }
    return decoded.get(index);
  }

  const account = {
    money: data.margin.money.map(line), ladder: data.margin.ladder.map(line),
    rate: [line(data.margin.rate)], funding: data.margin.funding.map(line),
  };

  // Panels from top to bottom: their heights in pixels, and how their figures read.
  const panels = [
    { key: "price", title: "", height: 430 },
    { key: "money", title: "Account", height: 190, format: ",.0f", hover: ",.2f" },
    { key: "ladder", title: "What the ladder weighs", height: 190, format: ",.0f", hover: ",.2f" },
    { key: "rate", title: data.margin.rate_title, height: 140, format: ".0%", hover: ".2%" },
    { key: "funding", title: "Funding", height: 100, format: "~r", hover: ",.4f" },
  ].filter(({ key }) => key === "price" || account[key].length);

  const inside = panels.reduce((sum, panel) => sum + panel.height, 0) + GAP * (panels.length - 1);
  panels.forEach((panel, index) => {
    const above = panels.slice(0, index).reduce((sum, one) => sum + one.height + GAP, 0);
    panel.domain = [Math.max(0, 1 - (above + panel.height) / inside), 1 - above / inside];
    panel.axis = index ? `y${index + 1}` : "y";
    panel.legend = index ? `legend${index + 1}` : "legend";
  });

  const STYLES = {
    money: [["--accent", 1.8], ["--gain", 1.2], ["--series-2", 1.2], ["--loss", 1.2]],
    ladder: [["--accent", 1.8], ["--frozen", 1.3, "dash"], ["--panic", 1.3, "dash"], ["--series-5", 1.1, "dot"]],
    rate: [["--accent", 1.6]],
    funding: [["--accent", 1.4]],
  };

  function curves(panel) {
    return account[panel.key].map((one, index) => {
      const [color, width, dash] = STYLES[panel.key][index];
      return {
        type: "scatter", mode: "lines", name: one.name, x: one.ts, y: one.value, yaxis: panel.axis, legend: panel.legend,
        line: { color: css(color), width, dash, shape: panel.key === "funding" ? "hv" : "linear" },
        hovertemplate: `%{x|%Y-%m-%d %H:%M}<br>${one.name} <b>%{y:${panel.hover}}</b><extra></extra>`,
      };
    });
  }

  function levelLines({ levels, names }, [first, last]) {
    const seen = [];
    for (let index = 0; index < levels.price.length; index += 1) {
      if (levels.end[index] >= first && levels.start[index] <= last) seen.push(index);
    }
    // The longest ones say most where there is no room for all.
    seen.sort((a, b) => levels.end[b] - levels.start[b] - (levels.end[a] - levels.start[a]));
    const drawn = seen.slice(0, MAX_LEVELS);
    return LEGS.map((color, leg) => {
      const own = drawn.filter((index) => levels.leg[index] === leg);
      return {
        type: "scatter", mode: "lines", name: `${names[leg]} levels`, hoverinfo: "skip", connectgaps: false,
        x: own.flatMap((index) => [levels.start[index], levels.end[index], null]),
        y: own.flatMap((index) => [levels.price[index], levels.price[index], null]),
        line: { color: translucent(css(color), 0.6), width: 1 },
      };
    }).filter((trace) => trace.x.length);
  }

  function entryLines({ entry, names }) {
    return entry.map(({ leg, ts, price }) => ({
      type: "scatter", mode: "lines", name: `${names[leg]} mean entry`, x: ts, y: price, connectgaps: false,
      line: { color: css(LEGS[leg]), width: 1.4, dash: "dot" },
      hovertemplate: `%{x|%Y-%m-%d %H:%M}<br>${names[leg]} mean entry <b>%{y}</b><extra></extra>`,
    }));
  }

  function exitLines({ exits, names }) {
    return exits.map(({ leg, ts, price }) => ({
      type: "scatter", mode: "lines", name: `${names[leg]} take-profit`, x: ts, y: price, connectgaps: false,
      line: { color: css(LEGS[leg]), width: 1.4, dash: "dashdot", shape: "hv" },
      hovertemplate: `%{x|%Y-%m-%d %H:%M}<br>${names[leg]} take-profit rests at <b>%{y}</b><extra></extra>`,
    }));
  }

  // Colour says whose fill it is, shape what it did.
  function kinds({ names }) {
    const found = [];
    names.forEach((name, leg) => {
      // A ring, and drawn first: what reopens at the same price stands inside it.
      found.push({ leg, doing: CLOSES, name: `${name} closes`, symbol: "circle", color: LEGS[leg], size: 12, hollow: true });
      found.push({ leg, doing: OPENS, name: `${name} adds`, symbol: leg ? "triangle-down" : "triangle-up", color: LEGS[leg], size: 8 });
      found.push({ leg, doing: BY_ENGINE, name: `Ladder, ${name}`, symbol: "square", color: LEGS[leg], size: 10 });
    });
    found.push({ doing: LIQUIDATES, name: "Liquidation", symbol: "x", color: "--emergency", size: 17 });
    return found;
  }

  function fillMarkers(one, kind, indices) {
    const { fills, names } = one;
    const color = css(kind.color);
    const text = indices.map((index) => {
      const side = fills.side[index] > 0 ? "Buy" : "Sell";
      const level = fills.level[index] > 0 ? ` · level ${fills.level[index]}` : "";
      return `<b>${names[fills.leg[index]]} · ${side} ${digits(fills.qty[index])} at ${digits(fills.price[index])}</b><br>` +
        `${data.trades.reasons[fills.reason[index]]}${level}<br>fee ${digits(fills.fee[index])}`;
    });
    return {
      type: "scatter", mode: "markers", name: kind.name, text,
      x: indices.map((index) => fills.ts[index]), y: indices.map((index) => fills.price[index]),
      hovertemplate: "%{x|%Y-%m-%d %H:%M:%S}<br>%{text}<extra></extra>",
      marker: {
        symbol: kind.symbol, size: kind.size, color: kind.hollow ? translucent(color, 0.12) : color,
        line: kind.hollow ? { color, width: 1.6 } : { color: css("--paper"), width: 1 },
      },
    };
  }

  function bands([first, last]) {
    const seen = data.margin.bands.filter(([, begin, end]) => end >= first && begin <= last);
    seen.sort((a, b) => b[2] - b[1] - (a[2] - a[1]));
    return seen.slice(0, MAX_BANDS).map(([state, begin, end]) => ({
      type: "rect", layer: "below", xref: "x", yref: "paper", x0: begin, x1: end, y0: 0, y1: 1,
      fillcolor: translucent(css(STATE_COLORS[state]), 0.16),
      // However short, it shows.
      line: { color: translucent(css(STATE_COLORS[state]), 0.35), width: 0.6 },
    }));
  }

  function rateLines() {
    const panel = panels.find(({ key }) => key === "rate");
    const colors = { liquidation: "--emergency", emergency: "--emergency", warning: "--panic" };
    const shapes = data.margin.rate_lines.map(({ value, name }) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, yref: panel.axis, y0: value, y1: value,
      line: { color: css(colors[name]), width: name === "liquidation" ? 1.6 : 1, dash: name === "liquidation" ? "solid" : "dash" },
    }));
    const labels = data.margin.rate_lines.map(({ value, name }) => ({
      xref: "paper", x: 1, xanchor: "right", yref: panel.axis, y: value, yanchor: name === "emergency" ? "top" : "bottom",
      text: `${name} ${(100 * value).toLocaleString("en-GB")} %`, showarrow: false, font: { size: 10.5, color: css(colors[name]) },
    }));
    return { shapes, labels };
  }

  function liquidation(index, [first, last]) {
    const end = data.margin.liquidation;
    if (!end) return { shapes: [], labels: [] };
    const color = css("--emergency");
    return {
      shapes: [{ type: "line", xref: "x", yref: "paper", x0: end.ts, x1: end.ts, y0: 0, y1: 1, line: { color, width: 2.5 } }],
      labels: [{
        xref: "x", x: end.ts, yref: "paper", y: 1, yanchor: "top", text: `<b>${end.words[index]}</b>`, showarrow: false,
        bgcolor: color, font: { color: css("--paper"), size: 12 }, borderpad: 4,
        xanchor: end.ts > (first + last) / 2 ? "right" : "left",
      }],
    };
  }

  function within({ ts, value }, [first, last]) {
    const found = [];
    for (let index = 0; index < ts.length; index += 1) {
      if (ts[index] >= first && ts[index] <= last) found.push(value[index]);
    }
    return found;
  }

  function fitted(values, floor = []) {
    const all = values.filter(Number.isFinite).concat(floor);
    if (!all.length) return undefined;
    let [low, high] = [Infinity, -Infinity];
    for (const value of all) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const margin = 0.06 * (high - low) || 0.01 * Math.abs(high) || 1;
    return [low - margin, high + margin];
  }

  // What is drawn at first: all of it, or a liquidated account's life and a little more.
  function lifetime() {
    const end = data.margin.liquidation;
    if (!end || end.has_fills_after) return undefined;
    const [first, last] = [account.money[0].ts[0], account.money[0].ts.at(-1)];
    return [first, Math.min(last, end.ts + 0.15 * (end.ts - first))];
  }

  function drawTrades(zoom) {
    const index = Number(select.value);
    const one = symbolData(index);
    const { fills } = one;
    const x = (zoom ? zoom.x : lifetime()) ?? [one.ts[0], account.money[0].ts.at(-1)];
    const seen = [...fills.ts.keys()].filter((at) => fills.ts[at] >= x[0] && fills.ts[at] <= x[1]);
    const traces = [
      { type: "scatter", mode: "lines", name: one.name, x: one.ts, y: one.value, line: { color: css("--muted"), width: 1 }, hoverinfo: "skip" },
    ];
    if (one.mark) {
      traces.push({
        type: "scatter", mode: "lines", name: one.mark.name, x: one.mark.ts, y: one.mark.value, hoverinfo: "skip",
        line: { color: css("--series-3"), width: 1, dash: "dash" },
      });
    }
    traces.push(...levelLines(one, x), ...entryLines(one), ...exitLines(one));
    let drawn = 0;
    for (const kind of kinds(one)) {
      const own = seen.filter((at) => fills.doing[at] === kind.doing && (kind.leg === undefined || fills.leg[at] === kind.leg));
      const shown = thinned(own);
      drawn += shown.length;
      if (shown.length) traces.push(fillMarkers(one, kind, shown));
    }
    note.textContent = drawn < seen.length
      ? `${drawn.toLocaleString("en-GB")} of ${seen.length.toLocaleString("en-GB")} fills drawn; zoom in to see each`
      : `${seen.length.toLocaleString("en-GB")} ${seen.length === 1 ? "fill" : "fills"}`;
    for (const panel of panels.slice(1)) traces.push(...curves(panel));

    const exits = one.exits.flatMap(({ ts, price }) => within({ ts, value: price }, x));
    const prices = [...within(one, x), ...exits, ...seen.map((at) => fills.price[at])];
    const rates = data.margin.rate_lines.map(({ value }) => value);
    const [lines, end] = [rateLines(), liquidation(index, x)];
    const titles = panels.slice(1).map((panel) => ({
      xref: "paper", x: 0, xanchor: "left", xshift: -2, yref: "paper", y: panel.domain[1], yanchor: "bottom", yshift: GAP - 25,
      text: `<b>${panel.title}</b>`, showarrow: false, font: { color: css("--ink"), size: 12 },
    }));
    const changes = {
      height: inside + 96, hovermode: "closest", hoverdistance: 25, margin: { l: 8, r: 8, t: 56, b: 28 },
      xaxis: { range: x, anchor: panels.at(-1).axis },
      shapes: [...bands(x), ...lines.shapes, ...end.shapes], annotations: [...titles, ...lines.labels, ...end.labels],
    };
    for (const panel of panels) {
      const values = panel.key === "price" ? prices : account[panel.key].flatMap((each) => within(each, x));
      const range = panel.key === "rate" ? [0, 1.12 * Math.max(...rates)] : fitted(values, panel.key === "price" ? [] : [0]);
      changes[panel.axis.replace("y", "yaxis")] = {
        domain: panel.domain, range: (panel.key === "price" && zoom?.y) || range, tickformat: panel.format ?? "~r",
        exponentformat: "none", fixedrange: panel.key !== "price", nticks: panel.height > 300 ? 8 : 5,
      };
      changes[panel.legend] = {
        ...layout({}).legend, x: 0, y: panel.domain[1], yanchor: "bottom", font: { size: 11 },
      };
    }
    Plotly.react(chart, traces, layout(changes), options);
  }

