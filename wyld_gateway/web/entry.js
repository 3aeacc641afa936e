// @ts-check
/**
 * Where the player types: one text box with a history, and a password box that takes its place while the server hides what is typed.
 *
 * Exactly one of the two is shown. When they change places the caret goes along if it was there; otherwise focus is never moved. Passwords
 * do not enter the history.
 */

/** @typedef {"keep" | "forget" | "remember"} Verdict What becomes of typed lines: they stay in the box, go, or go into the history. */

const HISTORY_LENGTH = 200;
/** Pixels: about six lines; a longer paste scrolls inside the box. */
const MAX_HEIGHT = 160;

export class Entry {
  #hiding = false;
  /** @type {string[]} Oldest first. */
  #history = [];
  /** Where Up and Down are; at the end while the player types something new. */
  #at = 0;
  /** What was typed before Up was pressed: only lines that begin with it are offered. */
  #prefix = "";

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLTextAreaElement} box
   * @param {HTMLInputElement} passwordBox
   * @param {HTMLButtonElement} button
   * @param {(lines: string[], hidden: boolean) => Verdict} onLines
   */
  constructor(form, box, passwordBox, button, onLines) {
    this.box = box;
    this.passwordBox = passwordBox;
    this.button = button;
    this.onLines = onLines;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("input", () => {
      this.#at = this.#history.length;
      this.#fit();
    });
  }

  /** @param {boolean} on whether what is typed may be seen */
  setEcho(on) {
    this.#hiding = !on;
    const [shown, gone] = on ? [this.box, this.passwordBox] : [this.passwordBox, this.box];
    const focused = document.activeElement === gone;
    gone.value = "";
    gone.hidden = true;
    shown.hidden = false;
    if (focused) shown.focus();
    this.#fit();
  }

  focus() {
    (this.#hiding ? this.passwordBox : this.box).focus();
  }

  #submit() {
    const hidden = this.#hiding;
    const box = hidden ? this.passwordBox : this.box;
    const lines = box.value.split("\n");
    const verdict = this.onLines(lines, hidden);
    if (verdict === "keep") return;
    if (verdict === "remember") this.#remember(lines);
    box.value = "";
    this.#fit();
  }

  /** @param {string[]} lines */
  #remember(lines) {
    for (const line of lines) {
      if (line.trim() && line !== this.#history.at(-1)) this.#history.push(line);
    }
    this.#history.splice(0, this.#history.length - HISTORY_LENGTH);
    this.#at = this.#history.length;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape") {
      this.#show("");
      this.#at = this.#history.length;
    } else if (event.key === "ArrowUp" && !this.box.value.slice(0, this.box.selectionStart).includes("\n")) {
      event.preventDefault();
      this.#recall(-1);
    } else if (event.key === "ArrowDown" && !this.box.value.slice(this.box.selectionEnd).includes("\n")) {
      event.preventDefault();
      this.#recall(1);
    }
  }

  /** @param {-1 | 1} step */
  #recall(step) {
    if (this.#at === this.#history.length) this.#prefix = this.box.value;
    for (let at = this.#at + step; at >= 0 && at < this.#history.length; at += step) {
      if (this.#history[at].startsWith(this.#prefix)) {
        this.#at = at;
        this.#show(this.#history[at]);
        return;
      }
    }
    if (step === 1 && this.#at < this.#history.length) {
      this.#at = this.#history.length;
      this.#show(this.#prefix);
    }
  }

  /** @param {string} text */
  #show(text) {
    this.box.value = text;
    this.box.setSelectionRange(text.length, text.length);
    this.#fit();
  }

  #fit() {
    const lines = this.box.value.split("\n").length;
    this.button.textContent = lines > 1 && !this.#hiding ? `Send ${lines} lines` : "Send";
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, MAX_HEIGHT)}px`;
  }
}
