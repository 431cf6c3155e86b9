import type { Stage, StepStatus } from "../../contract/deployment.ts";

interface ProgressStep {
  readonly wave: number;
  readonly service: string;
  readonly stage: Stage;
  readonly status: StepStatus;
}

/** How far a deployment is, as people say it: `wave 2 of 3, 4 of 9 services done`. */
export function deploymentProgress(waveCount: number, steps: readonly ProgressStep[]): string {
  const services = new Map<string, { readonly wave: number; isDone: boolean }>();
  for (const { service, wave, stage, status } of steps) {
    if (stage === "land") {
      continue;
    }
    const isDone = status !== "pending" && status !== "running";
    const known = services.get(service);
    services.set(service, { wave, isDone: isDone && (known?.isDone ?? true) });
  }
  const open = [...services.values()].filter((service) => !service.isDone);
  const done = services.size - open.length;
  const wave = Math.min(waveCount, ...open.map((service) => service.wave));
  return `wave ${wave} of ${waveCount}, ${done} of ${services.size} services done`;
}
