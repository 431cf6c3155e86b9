/** What the server said no with. */
export class MattermostRefusal extends Error {
  readonly status: number;
  /** The server's name for the mistake, e.g. `api.context.permissions.app_error`. */
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message === "" ? `HTTP ${String(status)}` : message);
    this.status = status;
    this.id = id;
  }
}

/** The refusal behind an error; undefined when the server did not refuse. */
export function refusalOf(error: unknown): MattermostRefusal | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof MattermostRefusal ? cause : undefined;
}
