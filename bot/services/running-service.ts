/** The parts a process may run: `--services=chat,web,worker`. */
export const SERVICE_NAMES = ["chat", "web", "worker"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** One part of the process that was started and can be stopped. */
export interface RunningService {
  readonly name: ServiceName;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}
