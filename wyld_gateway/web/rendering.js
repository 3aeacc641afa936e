// @ts-check
/**
 * Outputs as page elements, and as the words that a screen reader is to say.
 *
 * Text goes in by text nodes only, so that whatever a player wrote is text. The shapes are those of the telnet side: one fact on a
 * line, the important word first. A style never carries a fact that the words do not.
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
    append(entry, "\nExits: ");
    exits.forEach((/** @type {string} */ exit, /** @type {number} */ i) => {
      if (i) append(entry, ", ");
      append(entry, exit, "exit");
    });
    append(entry, exits.length ? "." : "none.");
    for (const [things, style] of [[items, "item"], [entities, "npc"]]) {
      for (const thing of things) {
        append(entry, "\n");
        append(entry, capitalised(thing), style);
      }
    }
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
 * What a screen reader is to say of an entry; nothing for drawings.
 * @param {HTMLElement} entry
 */
export function spokenText(entry) {
  return entry.getAttribute("aria-hidden") === "true" ? "" : (entry.textContent ?? "");
}
