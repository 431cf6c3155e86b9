import { inspect } from "node:util";

const HIDDEN = "[secret]";

/**
 * A value that must not be shown. However it is printed (template, JSON, inspection, log) it reads `[secret]`; the only
 * way to the value is `reveal()`, which is easy to search for.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Hand it to the system that asks for it and keep it nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
