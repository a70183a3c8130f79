// Elements for the page. Text becomes text nodes and never markup, so that no text of a record can become code.

/** An element: `el('p.soft', {hidden: true}, 'text', child)`. */
export function el(what, ...rest) {
  const [name, ...classes] = what.split('.');
  const element = document.createElement(name);
  element.className = classes.join(' ');
  const given = rest[0];
  const isProperties = given && typeof given === 'object' && !(given instanceof Node) && !Array.isArray(given);
  if (isProperties) {
    Object.assign(element, given);
  }
  element.append(...rest.slice(isProperties ? 1 : 0).flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A part of the page with a heading. */
export function card(title, ...content) {
  return el('section.card', el('h2', title), ...content);
}

/** A table from a row of headings and rows of cells; columns after the first are numbers. */
export function table(headings, rows) {
  const row = (tag, cells) => el('tr', cells.map((cell, i) => el(i > 0 ? `${tag}.number` : tag, cell)));
  return el('div.scroll', el('table', el('thead', row('th', headings)), el('tbody', rows.map((cells) => row('td', cells)))));
}

/** A plot that is drawn again when its container changes its width. */
export function plot(make) {
  const place = el('div.plot');
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== drawn) {
      drawn = width;
      place.replaceChildren(make(width));
    }
  }).observe(place);
  return place;
}
