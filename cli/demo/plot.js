// Two plots as SVG, drawn for the width they have, each with the same numbers as a table.

const SVG = 'http://www.w3.org/2000/svg';

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

/** A few round numbers from `low` to `high` or a little beyond. */
function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const first = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** The frame of both plots: the vertical scale with its lines, and the positions of everything else. */
function frame(width, label, values, write) {
  const height = width < 520 ? 220 : 260;
  const [left, right, top, bottom] = [56, 12, 14, 30];
  const [low, high] = [values[0], values.at(-1)];
  const y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
  const svg = draw('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label });
  for (const value of values) {
    svg.append(
      draw('line', { class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value) }),
      draw('text', { class: 'tick', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, write(value)),
    );
  }
  return { svg, y, left, right: width - right, floor: height - bottom, height };
}

const month = new Intl.DateTimeFormat('en-US', { month: 'short', timeZone: 'UTC' });

/** The months from the first to the last claim as `2026-01`, without a gap; the last `most` of them. */
function months(dates, most) {
  const all = [];
  for (let at = dates.toSorted()[0].slice(0, 7); at <= dates.toSorted().at(-1).slice(0, 7);) {
    all.push(at);
    const [year, number] = at.split('-').map(Number);
    at = number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`;
  }
  return all.slice(-most);
}

/** The cost of each month: the amount that the plan paid, and the member's share on top of it. */
export function costs(claims, most = 24) {
  return months(claims.map((claim) => claim.date), most).map((at) => {
    const sum = (what) => claims.filter((claim) => claim.date.startsWith(at)).reduce((all, claim) => all + claim[what], 0);
    return { at, paid: sum('paid'), share: sum('share') };
  });
}

/** Bars for the months. */
export function costPlot(rows, width, write) {
  const most = Math.max(...rows.map((row) => row.paid + row.share), 1);
  const label = `Cost by month from ${rows[0].at} to ${rows.at(-1).at}; the table below has the numbers`;
  const { svg, y, left, right, floor, height } = frame(width, label, ticks(0, most), write);
  const step = (right - left) / rows.length;
  const every = Math.ceil(rows.length / Math.floor((right - left) / 44));
  rows.forEach((row, i) => {
    const [x, wide] = [left + step * (i + 0.15), step * 0.7];
    const bar = (name, from, to) =>
      to > from ? draw('rect', { class: name, x, width: wide, y: y(to), height: y(from) - y(to) }) : '';
    const tip = draw('title', {}, `${row.at}: plan paid ${write(row.paid)}, your share ${write(row.share)}`);
    svg.append(draw('g', {}, tip, bar('paid', 0, row.paid), bar('share', row.paid, row.paid + row.share)));
    // Counted from the newest month, which always has its name.
    if ((rows.length - 1 - i) % every === 0) {
      const named = month.format(new Date(`${row.at}-01T00:00:00Z`));
      const middle = x + wide / 2;
      svg.append(draw('text', { class: 'tick', x: middle, y: floor + 14, 'text-anchor': 'middle' }, named));
      svg.append(draw('text', { class: 'tick year', x: middle, y: height - 3, 'text-anchor': 'middle' }, row.at.slice(0, 4)));
    }
  });
  return svg;
}

/** A value over time, with the reference range behind it. */
export function valuePlot(points, width) {
  const time = (point) => Date.parse(point.date);
  const rows = points.toSorted((a, b) => time(a) - time(b));
  const { low, high, unit, name } = rows.at(-1);
  const values = [...rows.map((row) => row.value), low, high].filter((value) => value !== undefined);
  const label = `${name} from ${rows[0].date} to ${rows.at(-1).date}; the table below has the numbers`;
  const scale = ticks(Math.min(...values), Math.max(...values));
  const write = (value) => String(Number(value.toFixed(2)));
  const { svg, y, left, right, floor } = frame(width, label, scale, write);
  const [first, last] = [time(rows[0]), time(rows.at(-1))];
  const x = (point) => (first === last ? (left + right) / 2 : left + 12 + ((right - left - 24) * (time(point) - first)) / (last - first));
  if (low !== undefined || high !== undefined) {
    const [from, to] = [low ?? scale[0], high ?? scale.at(-1)];
    svg.append(draw('rect', { class: 'normal', x: left, width: right - left, y: y(to), height: y(from) - y(to) }));
  }
  svg.append(draw('polyline', { class: 'line', points: rows.map((row) => `${x(row)},${y(row.value)}`).join(' ') }));
  for (const row of rows) {
    const inside = row.value >= (low ?? -Infinity) && row.value <= (high ?? Infinity);
    const tip = draw('title', {}, `${row.date}: ${row.value} ${unit}`);
    svg.append(draw('circle', { class: inside ? 'point' : 'point outside', cx: x(row), cy: y(row.value), r: rows.length > 60 ? 2.5 : 4.5 }, tip));
  }
  const ends = first === last ? [[rows[0], 'middle']] : [[rows[0], 'start'], [rows.at(-1), 'end']];
  for (const [row, anchor] of ends) {
    const at = anchor === 'start' ? left : anchor === 'end' ? right : x(row);
    svg.append(draw('text', { class: 'tick', x: at, y: floor + 18, 'text-anchor': anchor }, row.date.slice(0, 7)));
  }
  return svg;
}
