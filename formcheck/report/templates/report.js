"use strict";
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)").matches;
  const colour = (role) => getComputedStyle(document.documentElement).getPropertyValue("--" + role).trim();
  const element = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // ---- what is drawn on the charts, and in which colour of the page: repainted when that changes
  const painted = [];
  const paint = (model, roles) => {
    painted.push([model, roles]);
    return model;
  };
  const repaint = () => {
    for (const [model, roles] of painted)
      for (const [property, role] of Object.entries(roles)) model[property] = colour(role);
  };

  const CHART_HEIGHT = 230;
  const CLICK_PX = 5;  // a press that moves further is a drag
  const MS = 1000;  // Bokeh's axis of time counts milliseconds
  const cursors = [];

  function drawChart(chart, sharedRange) {
    const [low, high] = chart.range;
    const strip = 0.13 * (high - low);  // of room for words, above, and below where there is an onset
    const bottom = chart.onset ? low - strip : low;
    const plot = Bokeh.Plotting.figure({
      height: CHART_HEIGHT, sizing_mode: "stretch_width", x_axis_type: "datetime",
      x_range: sharedRange, y_range: new Bokeh.Range1d({ start: bottom, end: high + strip }),
      tools: [], toolbar_location: null, min_border_right: 12, min_border_left: 48,
      background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null,
      title: chart.title, title_location: "above",
    });
    const zoom = new Bokeh.BoxZoomTool({ dimensions: "width" });
    const tools = coarse ? [] : [zoom];
    plot.add_tools(...tools);
    if (!coarse) plot.toolbar.active_drag = zoom;
    paint(plot.title, { text_color: "ink" });

    for (const axis of [plot.xaxis, plot.yaxis]) {
      axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = null;
      paint(axis, { major_label_text_color: "muted" });
    }
    const clock = sharedRange.end >= 3600 * MS ? "%-H:%M:%S" : "%-M:%S";
    const formatter = new Bokeh.DatetimeTickFormatter({
      milliseconds: clock + ".%3N", seconds: clock, minsec: clock, minutes: clock, hourmin: clock, hours: clock, days: clock,
    });
    // left of the start lies a margin: a clock would call it the evening before
    const write = formatter.doFormat.bind(formatter);
    formatter.doFormat = (ticks, at) => write(ticks, at).map((text, i) => (ticks[i] < 0 ? "" : text));
    plot.xaxis.formatter = formatter;
    plot.xgrid.grid_line_color = null;
    paint(plot.ygrid, { grid_line_color: "grid" });

    for (const part of ["early", "late"]) {
      if (!chart[part]) continue;
      const { mean, from, to } = chart[part];
      plot.add_layout(paint(new Bokeh.Label({
        x: (part === "early" ? from : to) * MS, y: high + strip, text_baseline: "top",
        text_align: part === "early" ? "left" : "right", text_font_size: "12px", text_font_style: "bold",
        text: `${part}: ${mean.toFixed(chart.decimals).replace(/^-(?=0\.?0*$)/, "")}${chart.unit}`,
      }), { text_color: part }));
      plot.add_layout(paint(new Bokeh.BoxAnnotation({
        left: from * MS, right: to * MS, fill_alpha: 0.1, line_color: null,
      }), { fill_color: part }));
      paint(plot.segment({ x0: [from * MS], x1: [to * MS], y0: [mean], y1: [mean], line_width: 3 }).glyph, { line_color: part });
    }
    if (chart.early && chart.late && chart.change) {
      const at = ((chart.late.from + chart.late.to) / 2) * MS;
      const [from, to] = chart.change.map((change) => chart.early.mean + change);
      const head = () => paint(new Bokeh.TeeHead({ size: 10, line_width: 2 }), { line_color: "late" });
      plot.add_layout(paint(new Bokeh.Whisker({
        source: new Bokeh.ColumnDataSource({ data: { base: [at], lower: [from], upper: [to] } }),
        base: { field: "base" }, lower: { field: "lower" }, upper: { field: "upper" },
        line_width: 2, level: "overlay", lower_head: head(), upper_head: head(),
      }), { line_color: "late" }));
    }
    const dots = new Bokeh.ColumnDataSource({
      data: { time: chart.time.map((t) => t * MS), value: chart.value, at: chart.at },
    });
    const many = chart.time.length;
    const scatter = plot.scatter({
      x: { field: "time" }, y: { field: "value" }, source: dots, line_color: null,
      size: many > 400 ? 4 : many > 50 ? 6 : 8, fill_alpha: many > 400 ? 0.5 : 0.75,
    });
    paint(scatter.glyph, { fill_color: "dot" });
    if (chart.course)
      paint(plot.line({ x: chart.course[0].map((t) => (t === null ? NaN : t * MS)), y: chart.course[1].map((v) => v ?? NaN), line_width: 2.5 }).glyph, { line_color: "line" });
    if (chart.onset) {
      const [at, from, to] = chart.onset.map((t) => t * MS);
      plot.add_layout(paint(new Bokeh.Span({ location: at, dimension: "height", line_dash: [6, 4], line_width: 2 }), { line_color: "onset" }));
      plot.add_layout(paint(new Bokeh.BoxAnnotation({
        left: from, right: to, top: low - 0.6 * strip, fill_alpha: 0.35, line_color: null,
      }), { fill_color: "onset" }));
      const isEarly = at < (sharedRange.start + sharedRange.end) / 2;
      plot.add_layout(paint(new Bokeh.Label({
        x: at, x_offset: isEarly ? 6 : -6, y: low - 0.5 * strip, text_align: isEarly ? "left" : "right",
        text: chart.began, text_font_size: "12px",
      }), { text_color: "onset" }));
    }
    const cursor = paint(new Bokeh.Span({ location: null, dimension: "height", line_width: 1.5 }), { line_color: "muted" });
    plot.add_layout(cursor);
    cursors.push(cursor);
    plot.add_tools(new Bokeh.HoverTool({
      renderers: [scatter], mode: "mouse", attachment: "vertical",
      tooltips: [["time", "@at"], [chart.title, `@value{0.${"0".repeat(chart.decimals)}}`]],
    }));
    return plot;
  }

  function listen(place, plot, range) {
    let pressedAt = null;
    place.addEventListener("pointerdown", (event) => { pressedAt = event.clientX; });
    place.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - pressedAt) > CLICK_PX) return;  // was dragged
      const view = Bokeh.index.get_one(plot);
      const x = event.clientX - view.canvas_view.el.getBoundingClientRect().x;
      showNearest(view.frame.x_scale.invert(x) / MS);
    });
    place.addEventListener("dblclick", () => zoom(range, "all"));
  }

  // about the moment that is shown, if it is in sight, else about the middle
  const whole = {};
  function zoom(range, factor) {
    if (factor === "all") return range.setv(whole);
    const at = cursors[0].location, inSight = at !== null && at > range.start && at < range.end;
    const middle = inSight ? at : (range.start + range.end) / 2;
    range.setv({
      start: Math.max(whole.start, middle - factor * (middle - range.start)),
      end: Math.min(whole.end, middle + factor * (range.end - middle)),
    });
  }

  function drawCharts() {
    const times = data.charts.flatMap((chart) => chart.time);
    const first = Math.min(...times), last = Math.max(...times);
    const margin = 0.02 * Math.max(last - first, 1);
    const range = new Bokeh.Range1d({ start: (first - margin) * MS, end: (last + margin) * MS, bounds: "auto" });
    Object.assign(whole, { start: range.start, end: range.end });
    for (const button of document.querySelectorAll("[data-zoom]"))
      button.addEventListener("click", () => zoom(range, button.dataset.zoom === "all" ? "all" : Number(button.dataset.zoom)));
    // in one document, for they share their range of time
    const charts = new Bokeh.Document();
    const places = [...document.querySelectorAll("[data-chart]")];
    data.charts.forEach((chart, i) => {
      const plot = drawChart(chart, range);
      charts.add_root(plot);
      listen(places[i], plot, range);
    });
    repaint();
    dark.addEventListener("change", repaint);
    return Bokeh.embed.add_document_standalone(charts, document.body, places);
  }

  // ---- the runner at one moment
  const when = document.getElementById("when");

  function middle(points, pair) {
    const [a, b] = pair.map((i) => points[i]);
    return a[0] === null || b[0] === null ? null : [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  }

  function showMoment(index) {
    const moment = data.moments[index];
    const stage = document.getElementById("moment");
    const [x, y, width, height] = moment.box;
    const thick = height / 90;
    stage.replaceChildren(element("image", { href: "data:image/jpeg;base64," + moment.jpeg, x, y, width, height, preserveAspectRatio: "none" }));
    stage.setAttribute("viewBox", moment.box.join(" "));
    const line = (from, to, colour, thickness, more) =>
      from && to && stage.append(element("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: colour, "stroke-width": thickness, "stroke-linecap": "round", ...more }));
    const known = (i) => (moment.points[i][0] === null ? null : moment.points[i]);
    for (const isNear of [false, true])
      for (const [a, b, near] of data.bones)
        if (near === isNear) line(known(a), known(b), near ? "#00beff" : "#bee6f5", thick);
    const hip = middle(moment.points, data.hips), shoulder = middle(moment.points, data.shoulders);
    if (hip && shoulder) {
      const length = 1.5 * Math.hypot(shoulder[0] - hip[0], shoulder[1] - hip[1]);
      line(hip, [hip[0] + length * moment.up[0], hip[1] + length * moment.up[1]], "#ffffff", thick, { "stroke-dasharray": 3 * thick });
      line(hip, shoulder, "#ff9614", 2 * thick);
    }
    const lean = moment.lean === null ? "" : `: lean ${moment.lean.toFixed(1)}° in this frame`;
    const words = moment.at + lean;
    document.getElementById("moment-words").textContent = words;
    when.value = index;
    when.setAttribute("aria-valuetext", words);
    for (const cursor of cursors) cursor.location = moment.time * MS;
  }

  function showNearest(time) {
    if (!when) return;
    const away = data.moments.map((moment) => Math.abs(moment.time - time));
    showMoment(away.indexOf(Math.min(...away)));
  }

  // ---- the mean bodies, through the stride
  const phase = document.getElementById("phase"), play = document.getElementById("play");

  function showPhase(percent) {
    for (const path of document.querySelectorAll("#bodies path")) {
      const points = data.bodies[path.dataset.part][percent];
      const known = (i) => points[i][0] !== null;
      const lines = path.dataset.lines === "trunk"
        ? [[middle(points, data.hips), middle(points, data.shoulders)]]
        : data.bones.filter(([a, b, near]) => near === (path.dataset.lines === "limbs") && known(a) && known(b)).map(([a, b]) => [points[a], points[b]]);
      path.setAttribute("d", lines.filter(([a, b]) => a && b).map(([a, b]) => `M${a}L${b}`).join(""));
    }
    phase.value = percent;
    document.getElementById("phase-words").textContent = percent;
  }

  function playPhases() {
    const STRIDE_MS = 1600;  // slower than life, to be followed by eye
    let started = null;
    const step = (now) => {
      if (play.getAttribute("aria-pressed") !== "true") return;
      started ??= now - (Number(phase.value) / 100) * STRIDE_MS;
      showPhase(Math.floor((100 * ((now - started) % STRIDE_MS)) / STRIDE_MS));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  document.documentElement.classList.add("scripted");
  if (phase) {
    phase.addEventListener("input", () => showPhase(Number(phase.value)));
    play.addEventListener("click", () => {
      const playing = play.getAttribute("aria-pressed") !== "true";
      play.setAttribute("aria-pressed", playing);
      play.textContent = playing ? "Stop" : "Play";
      if (playing) playPhases();
    });
  }
  const drawn = data.charts.length ? drawCharts() : Promise.resolve();
  if (when) {
    when.addEventListener("input", () => showMoment(Number(when.value)));
    showMoment(0);
  }
  drawn.then(() => document.documentElement.classList.add("drawn"));
}
