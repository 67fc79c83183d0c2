/** A value that must never be shown: every ordinary way of printing it gives `[secret]`. */
const values = new WeakMap<Secret, string>();

export class Secret {
  constructor(value: string) {
    values.set(this, value);
  }
  /** The value itself: call it only where it is handed to the party it is meant for. */
  reveal(): string {
    return values.get(this) ?? "";
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}
