// @ts-check
/**
 * The web terminal: puts the parts of the page together.
 *
 *     connection.js   the line to the gateway (wyld.v1), reconnecting
 *     rendering.js    outputs as elements
 *     log.js          the text on the screen
 *     speech.js       what a screen reader says by itself
 *     entry.js        where the player types
 *     panes.js        room, health and so on
 */

import { Connection } from "./connection.js";
import { Entry } from "./entry.js";
import { Log } from "./log.js";
import { Panes } from "./panes.js";
import { renderOutput, renderText, spokenOutput } from "./rendering.js";
import { Speech } from "./speech.js";

/** @typedef {import("./connection.js").Command} Command */
/** @typedef {import("./connection.js").Fate} Fate */
/** @typedef {import("./connection.js").Message} Message */
/** @typedef {import("./connection.js").State} State */

/** Milliseconds. A line that comes back sooner is nobody's concern, and a window is resized in many small steps. */
const WORTH_SAYING = 2000;
const RESIZED = 500;

const REPLACED = 4001;

/** The one-line forms of the login, in which the password is typed in sight: it need not stay there. */
const TYPED_PASSWORD = /^(\s*(?:connect|create)\s+\S+\s+)\S+/i;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${id}.`);
  return element;
}

const output = find("output", HTMLElement);
const prompt = find("prompt", HTMLElement);
const hint = find("hint", HTMLElement);
const status = find("status", HTMLElement);
const statusAnnounced = find("status-announced", HTMLElement);
const reconnect = find("reconnect", HTMLButtonElement);

const log = new Log(output, find("log", HTMLElement), find("newer", HTMLButtonElement));
const speech = new Speech(find("spoken", HTMLElement), find("alert", HTMLElement));
const panes = new Panes(find("panes", HTMLElement));
const entry = new Entry(
  find("form", HTMLFormElement),
  find("command", HTMLTextAreaElement),
  find("password", HTMLInputElement),
  find("send", HTMLButtonElement),
  submit,
);

/** @type {Map<Command, HTMLElement>} The lines of commands whose fate is open. */
const openCommands = new Map();

const connection = new Connection(
  `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`,
  { onMessage: show, onFrameEnd: () => log.settle(), onFate: showFate, onState: showState },
  measure(),
);

// ------------------------------------------------------------------------------------------- from the player

/**
 * Lines of the login are forgotten, as one of them may hold a password.
 * @param {string[]} lines
 * @param {boolean} hidden
 * @returns {import("./entry.js").Verdict}
 */
function submit(lines, hidden) {
  if (connection.state !== "open") {
    setHint("Not connected: what you typed stays here until it can be sent.");
    speech.interrupt("Not connected. Not sent.");
    if (connection.state === "stopped") connection.open();
    return "keep";
  }
  const encoder = new TextEncoder();
  if (lines.some((line) => encoder.encode(line).length > connection.maxText)) {
    setHint(`A line may have ${connection.maxText} bytes at most.`);
    speech.interrupt("Too long. Not sent.");
    return "keep";
  }
  setHint("");
  log.toEnd();
  const verdict = connection.attached ? "remember" : "forget";
  for (const line of lines) {
    const command = connection.send(line);
    if (!command && !hidden) log.add(renderText("command done", line.replace(TYPED_PASSWORD, "$1•••")));
  }
  log.settle();
  return verdict;
}

/**
 * @param {Command} command
 * @param {Fate} fate
 */
function showFate(command, fate) {
  let line = openCommands.get(command);
  if (!line) {
    line = renderText("command", command.text);
    openCommands.set(command, line);
    log.add(line);
  }
  line.className = `entry command ${fate}`;
  if (fate === "done" || fate === "lost") openCommands.delete(command);
  if (fate === "lost") {
    line.append(" (not sent)");
    speech.say(`Not sent: ${command.text}`);
    log.settle();
  }
}

/** @param {string} text */
function setHint(text) {
  hint.textContent = text;
}

// ------------------------------------------------------------------------------------------- to the player

/** @param {Message} message */
function show(message) {
  switch (message.t) {
    case "welcome":
      panes.clear();
      entry.setEcho(true);
      break;
    case "detached":
      panes.clear();
      break;
    case "out": {
      const line = renderOutput(message);
      log.add(line);
      speech.say(spokenOutput(message, line));
      break;
    }
    case "notice":
      log.add(renderText("notice", message.d));
      speech.say(message.d);
      break;
    case "bye":
      if (message.text) log.add(renderText("notice", message.text));
      speech.interrupt(message.text);
      break;
    case "prompt":
      prompt.textContent = message.d;
      // In play it is a line of numbers after every command; during the login it is the question.
      if (!connection.attached) speech.say(message.d);
      break;
    case "echo":
      entry.setEcho(message.on);
      break;
    case "state":
      panes.show(message.k, message.d);
      break;
  }
}

/** @type {State} */
let lastState = "stopped";
let statusTimer = 0;

/**
 * @param {State} state
 * @param {{attempt: number, code: number}} detail
 */
function showState(state, { attempt, code }) {
  const calm = statusWord(state, code);
  status.textContent = calm === "reconnecting" && attempt > 1 ? `reconnecting (try ${attempt})` : calm;
  status.dataset.state = state;
  reconnect.hidden = state !== "stopped";
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => {
    if (statusAnnounced.textContent !== calm) statusAnnounced.textContent = calm;
  }, WORTH_SAYING);
  if (lastState === "open") {
    prompt.textContent = "";
    log.add(renderText("notice", state === "stopped" ? "The connection is closed." : "The connection was lost."));
    log.settle();
  }
  lastState = state;
}

/**
 * @param {State} state
 * @param {number} code
 */
function statusWord(state, code) {
  if (state === "open") return "connected";
  if (state === "stopped") return code === REPLACED ? "replaced" : "closed";
  if (!navigator.onLine) return "offline";
  return lastState === "stopped" ? "connecting" : "reconnecting";
}

// --------------------------------------------------------------------------------------------- the window

function measure() {
  const probe = log.list.appendChild(document.createElement("span"));
  probe.className = "probe";
  probe.textContent = "0".repeat(100);
  const { width, height } = probe.getBoundingClientRect();
  probe.remove();
  return {
    width: Math.floor((log.list.clientWidth / width) * 100),
    height: Math.floor(output.clientHeight / height),
    sr: false,
  };
}

let resizeTimer = 0;
addEventListener("resize", () => {
  clearTimeout(resizeTimer);
  resizeTimer = setTimeout(() => connection.resize(measure()), RESIZED);
});

// A phone's keyboard covers the page without resizing it; this keeps the command line above it.
visualViewport?.addEventListener("resize", () => {
  document.documentElement.style.setProperty("--height", `${visualViewport?.height}px`);
  scrollTo(0, 0);
});

for (const event of ["online", "pageshow", "focus"]) addEventListener(event, () => connection.wake());
addEventListener("offline", () => connection.doubt());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") connection.wake();
});

addEventListener("beforeunload", (event) => {
  if (openCommands.size) event.preventDefault();
});

reconnect.addEventListener("click", () => connection.open());

// ----------------------------------------------------------------------------------------------- the keys

addEventListener("keydown", (event) => {
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    log.page(event.key === "PageUp" ? -1 : 1);
  } else if (event.key === "F6") {
    event.preventDefault();
    focusNextPart();
  } else if (event.altKey && /^Digit[1-9]$/.test(event.code)) {
    event.preventDefault();
    speech.say(log.lineFromEnd(Number(event.code.at(-1))));
  }
});

/** Command line, text, panes, and around again. */
function focusNextPart() {
  const pane = panes.aside.querySelector("summary");
  if (document.activeElement === output && pane) pane.focus();
  else if (document.activeElement === output || panes.aside.contains(document.activeElement)) entry.focus();
  else output.focus();
}

connection.open();
