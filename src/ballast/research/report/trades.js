  const decoded = new Map();

  function trades(index) {
    if (!decoded.has(index)) {
      const one = data.trades.symbols[index];
      const fills = Object.fromEntries(Object.entries(one.fills).map(([key, text]) => [key, unpacked(text)]));
      decoded.set(index, { name: one.name, ts: unpacked(one.ts), value: unpacked(one.value), fills });
    }
    return decoded.get(index);
  }

  function markers(fills, indices, side, color, symbol, name) {
    const text = indices.map((index) => {
      const event = fills.event[index] > 0 ? ` · event ${fills.event[index]}` : "";
      return `<b>${side} ${digits(fills.qty[index])} at ${digits(fills.price[index])}</b><br>` +
        `${data.trades.reasons[fills.reason[index]]}${event}<br>fee ${digits(fills.fee[index])}`;
    });
    return {
      type: "scatter", mode: "markers", name, text,
      x: indices.map((index) => fills.ts[index]), y: indices.map((index) => fills.price[index]),
      hovertemplate: "%{x|%Y-%m-%d %H:%M}<br>%{text}<extra></extra>",
      marker: { color, symbol, size: 9, line: { color: css("--paper"), width: 1 } },
    };
  }

  function fillsWithin(fills, [first, last], side) {
    const found = [];
    for (let index = 0; index < fills.ts.length; index += 1) {
      if (fills.side[index] === side && fills.ts[index] >= first && fills.ts[index] <= last) found.push(index);
    }
    return found;
  }

  function drawTrades(zoom) {
    const { name, ts, value, fills } = trades(Number(select.value));
    const x = zoom?.x ?? [ts[0], ts.at(-1)];
    const [buys, sells] = [1, -1].map((side) => fillsWithin(fills, x, side));
    const [drawnBuys, drawnSells] = [thinned(buys), thinned(sells)];
    const [count, drawn] = [buys.length + sells.length, drawnBuys.length + drawnSells.length];
    note.textContent = drawn < count
      ? `${drawn.toLocaleString("en-GB")} of ${count.toLocaleString("en-GB")} fills drawn; zoom in to see each`
      : `${count.toLocaleString("en-GB")} ${count === 1 ? "fill" : "fills"}`;
    const traces = [
      { type: "scatter", mode: "lines", name, x: ts, y: value, line: { color: css("--muted"), width: 1 }, hoverinfo: "skip" },
      markers(fills, drawnBuys, "Buy", css("--gain"), "triangle-up", "Buys"),
      markers(fills, drawnSells, "Sell", css("--loss"), "triangle-down", "Sells"),
    ];
    const view = layout({
      hovermode: "closest",
      xaxis: { range: x },
      yaxis: { exponentformat: "none", tickformat: "~r", range: zoom?.y ?? priceRange(ts, value, fills, x) },
    });
    Plotly.react(chart, traces, view, options);
  }

  function priceRange(ts, value, fills, [first, last]) {
    let [low, high] = [Infinity, -Infinity];
    const widen = (times, prices) => {
      for (let index = 0; index < times.length; index += 1) {
        if (times[index] < first || times[index] > last) continue;
        low = Math.min(low, prices[index]);
        high = Math.max(high, prices[index]);
      }
    };
    widen(ts, value);
    widen(fills.ts, fills.price);
    const margin = 0.06 * (high - low) || 0.01 * Math.abs(high);
    return low <= high ? [low - margin, high + margin] : undefined;
  }

