// @ts-check
/**
 * What a screen reader says by itself: new text, politely, and the few things that may interrupt.
 *
 * Each text is a node of its own in a live region, and is taken out again soon, so that nothing old is ever read twice.
 */

/** Milliseconds after which a screen reader has taken notice of a node. */
const TAKEN = 10_000;
/** Nodes in a region: nobody waits for a hundred texts to be read, and a flood must not slow the page down. */
const MAX_WAITING = 100;

export class Speech {
  /**
   * @param {HTMLElement} polite
   * @param {HTMLElement} urgent
   */
  constructor(polite, urgent) {
    this.polite = polite;
    this.urgent = urgent;
  }

  /** @param {string} text */
  say(text) {
    this.#put(this.polite, text);
  }

  /** @param {string} text */
  interrupt(text) {
    this.#put(this.urgent, text);
  }

  /**
   * @param {HTMLElement} region
   * @param {string} text
   */
  #put(region, text) {
    if (!text.trim()) return;
    const node = document.createElement("p");
    node.textContent = text;
    region.append(node);
    if (region.childElementCount > MAX_WAITING) region.firstElementChild?.remove();
    setTimeout(() => node.remove(), TAKEN);
  }
}
