/** The parts a process may run: `--services=chat,web,worker`. */
export const SERVICE_NAMES = ["chat", "web", "worker"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface Stoppable {
  /** Resolves when nothing of it runs any more. Harmless when it was called before. */
  stop(): Promise<void>;
}

/** One part of the process that was started and can be stopped. */
export interface RunningService extends Stoppable {
  readonly name: ServiceName;
}
