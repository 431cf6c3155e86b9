import { requestDeployment } from "../cards/action-refs.ts";
import { deploymentAnswer } from "../cards/deployment-card.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import { saidCard } from "../cards/said-card.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { readEnvironment, readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { sentence } from "../chat/markdown.ts";

export const deploymentRequest = defineCommand({
  id: "deployment.request",
  phrase: "deploy",
  aliases: ["ship"],
  summary: "Deploy a signed release, wave by wave",
  usage: "deploy <number> [to <environment>] [--only service,…] [--from-wave wave]",
  group: "deploys",
  permission: "deployment.request",
  changes: true,
  examples: [
    "deploy 12",
    "deploy 12 to prod",
    "deploy 12 to prod --only auth-service,api-gateway",
    "deploy 12 --from-wave 2",
  ],
  options: { only: { kind: "list" }, "from-wave": { kind: "value", aliases: ["wave"] } },
  read(input) {
    const release = readRelease(input);
    const environment = input.takes("to") ? readEnvironment(input) : input.optionalWord();
    const only = input.optionList("only");
    const fromWave = readWave(input);
    return {
      release,
      ...(environment === undefined ? {} : { environment }),
      ...(only ? { only: [...only] } : {}),
      ...(fromWave === undefined ? {} : { fromWave }),
    };
  },
  async run({ actor, services }, { release, ...input }) {
    return deploymentAnswer(await services.deployments.request(actor, release, input));
  },
});

export const deploymentRequestAction = defineAction(requestDeployment, {
  permission: "deployment.request",
  changes: true,
  async run({ actor, services }, { release: number, environment, fingerprint }) {
    const release = await services.releases.view(actor, number);
    if (release.fingerprint !== fingerprint) {
      const why = `Release #${number} is no longer what that card showed, so nothing was deployed.`;
      const next = "Look at the card as it is now, then deploy again.";
      return {
        ...releaseAnswer(release),
        notice: saidCard("Not deployed", "warning", [sentence(why), next]),
      };
    }
    const input = environment === undefined ? {} : { environment };
    return deploymentAnswer(await services.deployments.request(actor, number, input));
  },
});

function readWave(input: CommandInput): number | undefined {
  const wave = input.option("from-wave");
  if (wave === undefined) {
    return undefined;
  }
  return /^[1-9]\d{0,5}$/.test(wave)
    ? Number(wave)
    : input.fail(
        `"${wave}" is not a wave. Waves are numbered from 1; \`order <number>\` shows them.`,
      );
}
