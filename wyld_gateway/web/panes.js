// @ts-check
/**
 * What is true of the player's character, beside the text: a pane for each kind of state that has arrived, in a fixed order.
 *
 * A pane is a `details` element, which keyboards and screen readers know; its summary already tells the main fact, so that a closed
 * pane on a phone is not an empty one. No pane is a live region.
 */

/**
 * @typedef {object} View
 * @property {string} title
 * @property {boolean} open on a wide screen, until the player decides
 * @property {(data: any) => string} fact the main fact, for the summary
 * @property {(data: any, body: HTMLElement) => void} fill
 */

/** @type {Record<string, View>} */
const VIEWS = {
  stats: {
    title: "Health",
    open: true,
    fact: ({ hp, maxhp }) => `${hp} of ${maxhp}`,
    fill({ name, race, class: characterClass, hp, maxhp, attributes }, body) {
      const meter = document.createElement("meter");
      meter.max = maxhp;
      meter.low = maxhp / 4;
      meter.value = hp;
      meter.setAttribute("aria-label", "Health");
      body.append(meter, line(`${name}, ${race} ${characterClass}`));
      body.append(line(Object.entries(attributes).map(([key, value]) => `${key} ${value}`).join(", ")));
    },
  },
  position: {
    title: "Room",
    open: true,
    fact: ({ name }) => name,
    fill({ area, exits }, body) {
      body.append(line(area), line(`Exits: ${Object.keys(exits).join(", ") || "none"}`));
    },
  },
  status_effects: {
    title: "Condition",
    open: true,
    fact: ({ effects }) => effects.map((/** @type {any} */ effect) => effect.name).join(", ") || "well",
    fill() {},
  },
  equipment: {
    title: "Worn",
    open: false,
    fact: (data) => things(Object.keys(data).length),
    fill(data, body) {
      body.append(list(Object.entries(data).map(([slot, name]) => `${slot}: ${name}`)));
    },
  },
  inventory: {
    title: "Carried",
    open: false,
    fact: ({ items }) => things(items.reduce((/** @type {number} */ sum, /** @type {any} */ item) => sum + item.count, 0)),
    fill({ items }, body) {
      body.append(list(items.map((/** @type {any} */ { name, count: n }) => (n > 1 ? `${name} (${n})` : name))));
    },
  },
};

/** @param {number} number */
function things(number) {
  if (number === 0) return "nothing";
  return number === 1 ? "1 thing" : `${number} things`;
}

/** @param {string} text */
function line(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

/** @param {string[]} texts */
function list(texts) {
  const element = document.createElement("ul");
  for (const text of texts) element.appendChild(document.createElement("li")).textContent = text;
  return element;
}

export class Panes {
  /** @type {Map<string, HTMLDetailsElement>} */
  #panes = new Map();

  /** @param {HTMLElement} aside */
  constructor(aside) {
    this.aside = aside;
  }

  /**
   * @param {string} kind
   * @param {any} data
   */
  show(kind, data) {
    const view = VIEWS[kind];
    if (!view) return;
    const pane = this.#panes.get(kind) ?? this.#create(kind, view);
    const [summary, body] = /** @type {HTMLCollectionOf<HTMLElement>} */ (pane.children);
    summary.lastElementChild?.replaceChildren(view.fact(data));
    body.replaceChildren();
    view.fill(data, body);
    pane.classList.toggle("plain", !body.hasChildNodes());
  }

  /** Nobody is in play any more. */
  clear() {
    this.#panes.clear();
    this.aside.replaceChildren();
    this.aside.hidden = true;
  }

  /**
   * @param {string} kind
   * @param {View} view
   */
  #create(kind, view) {
    const pane = document.createElement("details");
    pane.dataset.kind = kind;
    pane.open = view.open && !matchMedia("(max-width: 52rem)").matches;
    const summary = pane.appendChild(document.createElement("summary"));
    const title = summary.appendChild(document.createElement("span"));
    title.className = "pane-title";
    title.textContent = view.title;
    summary.append(" ");
    summary.appendChild(document.createElement("span")).className = "pane-fact";
    pane.append(document.createElement("div"));
    const kinds = Object.keys(VIEWS);
    const next = kinds.slice(kinds.indexOf(kind)).find((each) => this.#panes.has(each));
    this.aside.insertBefore(pane, (next && this.#panes.get(next)) || null);
    this.#panes.set(kind, pane);
    this.aside.hidden = false;
    return pane;
  }
}
