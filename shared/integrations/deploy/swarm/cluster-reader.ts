import { z } from "zod";
import { AppError } from "../../../errors/app-error.ts";
import { SwarmUnready } from "../../../errors/catalog.ts";
import type { Engine } from "./engine.ts";
import { DOCKER_LABELS } from "./labels.ts";
import type { ClusterReader, NodeFacts } from "./preflight.ts";

const Labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});

const InfoJson = z.object({
  Swarm: z
    .object({
      LocalNodeState: z.string().optional(),
      ControlAvailable: z.boolean().optional(),
      Error: z.string().optional(),
    })
    .nullish(),
});

const NamesJson = z
  .array(z.object({ Spec: z.object({ Name: z.string() }) }))
  .nullish()
  .transform((found) => (found ?? []).map(({ Spec }) => Spec.Name));

const NetworkJson = z.object({ Name: z.string(), Scope: z.string() });

const NodesJson = z.array(
  z
    .object({
      ID: z.string(),
      Spec: z.object({
        Role: z.string().optional(),
        Availability: z.string().optional(),
        Labels,
      }),
      Description: z
        .object({
          Hostname: z.string().optional(),
          Platform: z
            .object({ OS: z.string().optional(), Architecture: z.string().optional() })
            .nullish(),
          Engine: z.object({ Labels }).nullish(),
        })
        .nullish(),
      Status: z.object({ State: z.string().optional() }),
    })
    .transform(({ ID, Spec, Description, Status }): NodeFacts => ({
      id: ID,
      hostname: Description?.Hostname ?? "",
      role: Spec.Role ?? "",
      platform: {
        os: Description?.Platform?.OS ?? "",
        arch: Description?.Platform?.Architecture ?? "",
      },
      labels: Spec.Labels,
      engineLabels: Description?.Engine?.Labels ?? {},
      isReady: Spec.Availability === "active" && Status.State === "ready",
    })),
);

const Anything = z.unknown().transform(() => true);

/** What a registry says when it has no such tag, for sure. */
const NOT_THERE = /manifest unknown|name unknown|not found|no such manifest/i;
/** What one says to strangers, whether it has the tag or not. */
const DENIED = /denied|unauthorized|authentication required|no basic auth/i;

/** Answers the questions asked before a deploy, from the manager. */
export function createClusterReader(engine: Engine, system: string): ClusterReader {
  return {
    async requireManager(signal) {
      const info = await engine.look("info", signal, InfoJson, (docker) => docker.info());
      const swarm = info?.Swarm;
      if (swarm?.ControlAvailable !== true) {
        const isWorker = swarm?.LocalNodeState === "active";
        throw new SwarmUnready(
          {
            system,
            why: isWorker
              ? "its engine is a worker of a Swarm, not a manager"
              : "its engine is in no Swarm",
          },
          {
            remedy: isWorker
              ? "Name a manager in target.host, or promote it with `docker node promote`."
              : "Make it one with `docker swarm init`, or name another engine in target.host.",
          },
        );
      }
    },

    async service(name, signal) {
      const found = await engine.service(name, signal);
      return found
        ? { replicas: found.mode === "replicated" ? found.replicas : null, labels: found.labels }
        : null;
    },

    async stackLabels(stack, signal) {
      const services = await engine.services([`${DOCKER_LABELS.stack}=${stack}`], signal);
      return services.map(({ labels }) => labels);
    },

    async hasSecret(name, signal) {
      const filters = JSON.stringify({ name: [name] });
      const found = await engine.look(`secret ${name}`, signal, NamesJson, (docker) =>
        docker.listSecrets({ filters }),
      );
      // The filter also takes names that begin like it.
      return found?.includes(name) ?? false;
    },

    async hasConfig(name, signal) {
      const filters = JSON.stringify({ name: [name] });
      const found = await engine.look(`config ${name}`, signal, NamesJson, (docker) =>
        docker.listConfigs({ filters }),
      );
      return found?.includes(name) ?? false;
    },

    async network(name, signal) {
      const found = await engine.look(`network ${name}`, signal, NetworkJson, (docker) =>
        docker.getNetwork(name).inspect(),
      );
      return found?.Name === name ? { scope: found.Scope } : null;
    },

    async nodes(signal) {
      const found = await engine.look("list of nodes", signal, NodesJson, (docker) =>
        docker.listNodes(),
      );
      return found ?? [];
    },

    async image(image, credentials, signal) {
      if ((await engine.imageHasHealthcheck(image, signal)) !== undefined) {
        return { found: "yes" };
      }
      try {
        const found = await engine.look(`image ${image}`, signal, Anything, (docker) =>
          docker.getImage(image).distribution({ authconfig: credentials ?? undefined }),
        );
        return found === undefined
          ? { found: "no", why: "its registry does not have it" }
          : { found: "yes" };
      } catch (error) {
        if (!(error instanceof AppError)) {
          throw error;
        }
        signal.throwIfAborted();
        // The registry as the manager sees it; nodes pull by themselves, and may see another.
        if (DENIED.test(error.message)) {
          return { found: "denied", why: "it wants credentials, or has no such image" };
        }
        return NOT_THERE.test(error.message)
          ? { found: "no", why: "its registry does not have it" }
          : { found: "unknown" };
      }
    },
  };
}
