/** What Slack said no with: an error of its Web API, such as `channel_not_found`. */
export class SlackRefusal extends Error {
  readonly code: string;
  /** The scope that is missing, when that is why. */
  readonly needed: string | undefined;

  constructor(code: string, needed?: string) {
    super(code);
    this.code = code;
    this.needed = needed;
  }
}

/** The refusal behind an error; undefined when Slack did not refuse. */
export function refusalOf(error: unknown): SlackRefusal | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof SlackRefusal ? cause : undefined;
}
