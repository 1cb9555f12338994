// What is seen of the panels: run in the page after draw().
const box = (element) => {
  const {left, top, right, bottom} = element.getBoundingClientRect();
  return [left, top, right, bottom].map((edge) => Math.round(edge + 0));
};
// Text that does not fit: cut off by its box, at whose end there may be dots.
const clipped = (tile) =>
  [...tile.querySelectorAll('*')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE))
    .filter((element) => {
      for (let at = element; at !== tile; at = at.parentElement) {
        if (getComputedStyle(at).overflowX !== 'visible' && at.scrollWidth > at.clientWidth + 1) {
          return element.scrollWidth > 0;
        }
      }
      return false;
    })
    .map((element) => element.textContent);
const cells = (row) =>
  [...row.querySelectorAll('[role="cell"], [role="columnheader"]')].map((cell) => {
    const painted = [cell, ...cell.querySelectorAll('*')];
    return {
      text: cell.textContent,
      background: getComputedStyle(cell).backgroundColor,
      color: getComputedStyle(painted.at(-1)).color,
    };
  });
return [...document.querySelectorAll('[data-panel]')].map((tile) => ({
  title: tile.dataset.panel,
  type: tile.dataset.type,
  box: box(tile),
  text: tile.innerText,
  error: tile.querySelector('[data-error]')?.textContent ?? '',
  nothing: tile.querySelector('[data-nothing]')?.textContent ?? '',
  clipped: clipped(tile),
  values: [...tile.querySelectorAll('[data-value]')].map((each) => ({
    name: each.dataset.value,
    color: each.dataset.color,
    text: each.innerText,
  })),
  rows: [...tile.querySelectorAll('[role="row"]')].map(cells),
  legend: [...tile.querySelectorAll('[class*="LegendLabel"]')].map((each) => each.textContent),
}));
