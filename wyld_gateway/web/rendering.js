// @ts-check
/**
 * Outputs as page elements, and as the words that a screen reader is to say.
 *
 * Text goes in by text nodes only, so that whatever a player wrote is text. The words and shapes are those of the telnet side: lists
 * for eyes, one fact on a line for ears. A style never carries a fact that the words do not.
 */

/** @typedef {import("./connection.js").Message} Message */

const STYLES = new Set([
  "title", "exit", "npc", "player", "item", "speech", "channel", "warning", "emphasis", "damage",
]);
const SPOKEN = new Set(["say", "tell"]);

/** Control characters but tab and newline: a browser would show boxes. */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;
/** Only web addresses become links. What ends a sentence does not belong to them. */
const LINK = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}']/g;

/**
 * @param {Node} parent
 * @param {string} text
 * @param {string} [style]
 */
function append(parent, text, style) {
  const clean = text.replace(CONTROLS, "");
  const holder = style && STYLES.has(style) ? parent.appendChild(document.createElement("span")) : parent;
  if (holder instanceof HTMLSpanElement && style) holder.className = style;
  let end = 0;
  for (const match of clean.matchAll(LINK)) {
    holder.appendChild(document.createTextNode(clean.slice(end, match.index)));
    const link = document.createElement("a");
    link.href = match[0];
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = match[0];
    holder.appendChild(link);
    end = match.index + match[0].length;
  }
  holder.appendChild(document.createTextNode(clean.slice(end)));
}

/**
 * @param {HTMLElement} entry
 * @param {string} title
 * @param {string[]} names
 * @param {string} style
 */
function appendList(entry, title, names, style) {
  append(entry, `\n${title}: `);
  const separator = names.some((name) => name.includes(",")) ? "; " : ", ";
  names.forEach((name, i) => {
    if (i) append(entry, separator);
    append(entry, name, style);
  });
  append(entry, ".");
}

/** @param {string} text */
function capitalised(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** @type {Record<string, (entry: HTMLElement, data: any) => void>} */
const RENDERERS = {
  text(entry, { text, channel }) {
    append(entry, text, channel === undefined ? "" : SPOKEN.has(channel) ? "speech" : "channel");
  },
  formatted(entry, { spans, decor }) {
    for (const [text, style] of spans) append(entry, text, style);
    if (decor) entry.setAttribute("aria-hidden", "true");
  },
  structured(entry, { text }) {
    append(entry, text);
  },
  room(entry, { name, description, exits, entities, items }) {
    append(entry, name, "title");
    if (description) append(entry, `\n${description}`);
    appendList(entry, "Exits", exits.length ? exits : ["none"], "exit");
    if (entities.length) appendList(entry, "Here", entities, "npc");
    if (items.length) appendList(entry, "On the ground", items, "item");
  },
  combat(entry, { attacker, defender, action, damage, critical }) {
    const blow = capitalised(`${attacker} ${action} ${defender}`);
    append(entry, `${critical ? "Critical! " : ""}${blow}: ${damage || "no"} damage.`, "damage");
  },
  system(entry, { text }) {
    append(entry, text);
  },
};

/**
 * @param {string} kind classes that the style sheet knows
 * @param {string} text
 */
export function renderText(kind, text) {
  const entry = document.createElement("div");
  entry.className = `entry ${kind}`;
  append(entry, text);
  return entry;
}

/**
 * One output. A kind that this page does not know shows the text that comes with it, if any.
 * @param {Message} message
 */
export function renderOutput(message) {
  const kind = message.k in RENDERERS ? message.k : "structured";
  const entry = renderText(kind, "");
  RENDERERS[kind](entry, { text: "", ...message.d });
  return entry;
}

/**
 * What a screen reader is to say of an output: one fact on a line, and nothing of a drawing.
 * @param {Message} message
 * @param {HTMLElement} entry
 */
export function spokenOutput(message, entry) {
  if (message.k === "room") {
    const { name, description, exits, entities, items } = message.d;
    return [
      name,
      description,
      `Exits: ${exits.join(", ") || "none"}.`,
      ...entities.map((/** @type {string} */ thing) => `${capitalised(thing)}.`),
      ...items.map((/** @type {string} */ thing) => `${capitalised(thing)}, on the ground.`),
    ].join("\n");
  }
  return entry.hasAttribute("aria-hidden") ? "" : (entry.textContent ?? "");
}
