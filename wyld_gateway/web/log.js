// @ts-check
/**
 * The game's text on the screen: one element per entry, the newest at the bottom, a bounded number of lines.
 *
 * It follows the newest text as long as the player looks at the end. Whoever has scrolled up stays where they are and is told how much
 * is new. It is no live region: a screen reader finds the past here, undisturbed; what is new is said by `speech.js`.
 */

/** Lines kept; the oldest go in blocks, so that not every new line makes the browser lay everything out again. */
const MAX_LINES = 5000;
const BLOCK = 500;
/** Pixels from the end that still count as looking at the end. */
const NEAR_END = 40;

/** @param {HTMLElement} entry */
function linesOf(entry) {
  return (entry.textContent ?? "").split("\n").length;
}

export class Log {
  #lines = 0;
  #newer = 0;
  #following = true;

  /**
   * @param {HTMLElement} view scrolls
   * @param {HTMLElement} list holds the entries
   * @param {HTMLButtonElement} newerButton
   */
  constructor(view, list, newerButton) {
    this.view = view;
    this.list = list;
    this.newerButton = newerButton;
    view.addEventListener("scroll", () => this.#looked(), { passive: true });
    newerButton.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.settle()).observe(view);
  }

  /**
   * Put an entry at the end; call `settle` when all that belongs together is there.
   * @param {HTMLElement} entry
   */
  add(entry) {
    this.list.append(entry);
    const lines = linesOf(entry);
    this.#lines += lines;
    if (!this.#following) this.#newer += lines;
    if (this.#lines > MAX_LINES + BLOCK) this.#forgetOldest();
  }

  settle() {
    if (this.#following) this.view.scrollTop = this.view.scrollHeight;
    this.newerButton.hidden = this.#newer === 0;
    this.newerButton.textContent = this.#newer === 1 ? "1 new line" : `${this.#newer} new lines`;
  }

  toEnd() {
    this.#following = true;
    this.#newer = 0;
    this.settle();
  }

  /** @param {number} pages negative to go up */
  page(pages) {
    this.view.scrollBy({ top: pages * this.view.clientHeight * 0.9 });
  }

  /**
   * The lines before the newest one that is `back` lines from the end, 1 being the newest.
   * @param {number} back
   */
  lineFromEnd(back) {
    let left = back;
    for (let entry = this.list.lastElementChild; entry; entry = entry.previousElementSibling) {
      if (entry.getAttribute("aria-hidden") === "true") continue;
      const lines = (entry.textContent ?? "").split("\n").filter((line) => line.trim());
      if (lines.length >= left) return lines[lines.length - left];
      left -= lines.length;
    }
    return "";
  }

  #looked() {
    const { scrollTop, clientHeight, scrollHeight } = this.view;
    this.#following = scrollTop + clientHeight >= scrollHeight - NEAR_END;
    if (this.#following && this.#newer) {
      this.#newer = 0;
      this.settle();
    }
  }

  #forgetOldest() {
    while (this.#lines > MAX_LINES && this.list.firstElementChild) {
      this.#lines -= linesOf(/** @type {HTMLElement} */ (this.list.firstElementChild));
      this.list.firstElementChild.remove();
    }
  }
}
