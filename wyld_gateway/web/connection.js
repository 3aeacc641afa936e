// @ts-check
/**
 * One player's line to the gateway: wyld.v1 over a WebSocket that comes back by itself.
 *
 * The states, and what leads from one to the next:
 *
 *     connecting -- welcome --> open
 *     connecting, open -- the socket ends or falls silent --> waiting
 *     waiting -- the delay is over, or the network or the player comes back --> connecting
 *     connecting, open -- a bye that says "do not come back" --> stopped
 *     stopped -- open() --> connecting
 *
 * Commands are numbered from `attached` on and kept until they are acknowledged; before that, and again after `detached`,
 * lines belong to the login and are not kept. When the line is lost the login begins anew, and what was not acknowledged is
 * reported as lost: sending an old "kill" by itself a minute later would be worse than not sending it.
 *
 * Nothing here knows the page: what happens is told to a `Listener`.
 */

/** @typedef {{t: string, [field: string]: any}} Message */
/** @typedef {"held" | "sent" | "done" | "lost"} Fate */
/** @typedef {{number: number, text: string}} Command A number of 0: not sent yet. */
/** @typedef {{width: number, height: number, sr: boolean}} Screen */
/** @typedef {"connecting" | "open" | "waiting" | "stopped"} State */

/**
 * @typedef {object} Listener
 * @property {(message: Message) => void} onMessage Everything that is for the screen, in order.
 * @property {() => void} onFrameEnd All messages of one frame have been handed over.
 * @property {(command: Command, fate: Fate) => void} onFate What became of a numbered command.
 * @property {(state: State, detail: {attempt: number, code: number}) => void} onState
 */

const SUBPROTOCOL = "wyld.v1";
const CLIENT = { name: "Wyld web terminal", ver: "1" };

/** Milliseconds. The first try is at once; then the delay doubles up to the longest. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
/** A gateway that goes away takes everybody with it: they come back spread over this time. */
const RESTART_SPREAD = 5_000;
/** A line that lasted so long was a good one: the next try is the first again. */
const STABLE = 10_000;
/** A socket that is not open by then hangs in a network that swallows everything. */
const OPENING_DEADLINE = 10_000;
/** Silence after which the gateway is asked for a sign of life: while idle, and while an acknowledgement is due. */
const IDLE_SILENCE = 30_000;
const DUE_SILENCE = 5_000;
/** Time for the answer; less when there is a reason to doubt the line, or when the player has just come back to it. */
const ANSWER_DEADLINE = 10_000;
const DOUBTFUL_DEADLINE = 4_000;
/** Outputs are acknowledged when nothing more came for this time, or after so many. */
const ACK_DELAY = 200;
const ACK_EVERY = 32;

const GOING_AWAY = 1001;
/** Close codes after which coming back by itself would be wrong; used where no bye was heard. */
const FINAL_CODES = new Set([1000, 4001, 4002, 4003, 4004, 4400, 4413]);

/**
 * How long to wait before try number `attempt` (from 0), in milliseconds.
 * @param {number} attempt
 * @param {number} code why the line was lost
 * @param {number} random from 0 to 1
 */
export function retryDelay(attempt, code, random) {
  if (attempt === 0) return code === GOING_AWAY ? RESTART_SPREAD * random : 0;
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempt - 1));
  return longest * random;
}

export class Connection {
  /** @type {State} */
  state = "stopped";

  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #openedAt = 0;
  #retryTimer = 0;
  #silenceTimer = 0;
  #deadlineTimer = 0;
  #ackTimer = 0;

  /** @type {{text: number, window: number}} */
  #limits = { text: 4096, window: 64 };
  /** @type {number | null} The next command's number; null during the login. */
  #next = null;
  /** @type {Command[]} Sent and not acknowledged, oldest first. */
  #unacknowledged = [];
  /** @type {Command[]} Typed while the window was full. */
  #held = [];
  #received = 0;
  #acknowledged = 0;
  /** @type {Message | null} */
  #bye = null;

  /**
   * @param {string} url
   * @param {Listener} listener
   * @param {Screen} screen
   */
  constructor(url, listener, screen) {
    this.url = url;
    this.listener = listener;
    this.screen = screen;
  }

  /** Whether commands are numbered, that is, whether a character is in play. */
  get attached() {
    return this.#next !== null;
  }

  get maxText() {
    return this.#limits.text;
  }

  /** Connect now: from the start, from "stopped", or without waiting for the delay. */
  open() {
    if (this.state === "connecting" || this.state === "open") return;
    clearTimeout(this.#retryTimer);
    this.#bye = null;
    this.#setState("connecting", 0);
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#transmit({ t: "hello", v: 1, client: CLIENT, caps: this.screen });
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(event.code);
    this.#expectAnswer(OPENING_DEADLINE);
  }

  /** The network or the player came back: reconnect at once, or make sure that the line still lives. */
  wake() {
    if (this.state === "waiting") this.open();
    else this.doubt();
  }

  /** Something says that the line may be dead: find out. */
  doubt() {
    if (this.state === "open") this.#probe(DOUBTFUL_DEADLINE);
  }

  /** @param {Screen} screen */
  resize(screen) {
    this.screen = screen;
    if (this.state === "open") this.#transmit({ t: "caps", ...screen });
  }

  /**
   * Send one line. A numbered command is returned and its fate told later; a login line gives null, and so does a line that
   * cannot be sent because there is no connection: check `state` first.
   * @param {string} text
   * @returns {Command | null}
   */
  send(text) {
    if (this.state !== "open") return null;
    if (this.#next === null) {
      this.#transmit({ t: "line", text });
      this.#listenFor(DUE_SILENCE);
      return null;
    }
    const command = { number: 0, text };
    this.#held.push(command);
    this.listener.onFate(command, "held");
    this.#sendHeld();
    return command;
  }

  #sendHeld() {
    while (this.#next !== null && this.#held.length && this.#unacknowledged.length < this.#limits.window) {
      const command = /** @type {Command} */ (this.#held.shift());
      command.number = this.#next++;
      this.#unacknowledged.push(command);
      this.#transmit({ t: "cmd", n: command.number, text: command.text });
      this.listener.onFate(command, "sent");
      this.#listenFor(DUE_SILENCE);
    }
  }

  /** @param {Message} message */
  #transmit(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  // ------------------------------------------------------------------------------------------- in

  /** @param {unknown} frame */
  #receive(frame) {
    clearTimeout(this.#deadlineTimer);
    for (const line of String(frame).split("\n")) {
      /** @type {Message} */
      const message = JSON.parse(line);
      this.#take(message);
    }
    this.#listenFor(this.#unacknowledged.length ? DUE_SILENCE : IDLE_SILENCE);
    this.listener.onFrameEnd();
  }

  /** @param {Message} message */
  #take(message) {
    switch (message.t) {
      case "welcome":
        this.#limits = message.limits;
        this.#openedAt = performance.now();
        this.#setState("open", 0);
        break;
      case "attached":
        this.#loseCommands();
        this.#next = message.next;
        this.#received = this.#acknowledged = 0;
        break;
      case "detached":
        this.#loseCommands();
        break;
      case "ack":
        this.#commandsDone(message.n);
        return;
      case "ping":
        this.#transmit({ t: "pong" });
        return;
      case "pong":
        return;
      case "out":
        if (message.n <= this.#received) return;
        this.#received = message.n;
        this.#acknowledgeSoon();
        break;
      case "bye":
        this.#bye = message;
        break;
    }
    this.listener.onMessage(message);
  }

  /** @param {number} number */
  #commandsDone(number) {
    while (this.#unacknowledged.length && this.#unacknowledged[0].number <= number) {
      this.listener.onFate(/** @type {Command} */ (this.#unacknowledged.shift()), "done");
    }
    this.#sendHeld();
  }

  /** The numbering is over. */
  #loseCommands() {
    const lost = [...this.#unacknowledged, ...this.#held];
    this.#unacknowledged = [];
    this.#held = [];
    this.#next = null;
    for (const command of lost) this.listener.onFate(command, "lost");
  }

  #acknowledgeSoon() {
    clearTimeout(this.#ackTimer);
    if (this.#received - this.#acknowledged >= ACK_EVERY) this.#acknowledge();
    else this.#ackTimer = setTimeout(() => this.#acknowledge(), ACK_DELAY);
  }

  #acknowledge() {
    this.#acknowledged = this.#received;
    this.#transmit({ t: "ack", n: this.#received });
  }

  // ----------------------------------------------------------------------------------- life and death

  /** @param {number} silence */
  #listenFor(silence) {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#probe(), silence);
  }

  #probe(deadline = ANSWER_DEADLINE) {
    this.#transmit({ t: "ping" });
    this.#expectAnswer(deadline);
  }

  /** @param {number} deadline */
  #expectAnswer(deadline) {
    clearTimeout(this.#deadlineTimer);
    this.#deadlineTimer = setTimeout(() => this.#lost(0), deadline);
  }

  /** @param {number} code 0 where the line went silent */
  #lost(code) {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    for (const timer of [this.#silenceTimer, this.#deadlineTimer, this.#ackTimer]) clearTimeout(timer);
    this.#loseCommands();
    const final = this.#bye ? !this.#bye.reconnect : FINAL_CODES.has(code);
    if (final) {
      this.#setState("stopped", this.#bye?.code ?? code);
      return;
    }
    if (this.state === "open" && performance.now() - this.#openedAt > STABLE) this.#attempt = 0;
    const delay = retryDelay(this.#attempt, code, Math.random());
    this.#attempt += 1;
    this.#setState("waiting", code);
    this.#retryTimer = setTimeout(() => this.open(), delay);
  }

  /**
   * @param {State} state
   * @param {number} code
   */
  #setState(state, code) {
    this.state = state;
    this.listener.onState(state, { attempt: this.#attempt, code });
  }
}
