import type { Actor } from "../../shared/app/services.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { signOff } from "../cards/action-refs.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import { nextStep, signOffFields } from "../cards/release-words.ts";
import { saidCard } from "../cards/said-card.ts";
import { quoteWord, roleLabel } from "../cards/wording.ts";
import type { Card } from "../chat/card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { readRelease } from "../chat/command-arguments.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { releaseSubject } from "../chat/live-card.ts";
import { escapeMarkdown, sentence } from "../chat/markdown.ts";

export const releaseApprove = defineCommand({
  id: "release.sign_off",
  phrase: "approve",
  aliases: ["sign", "sign-off"],
  summary: "Sign exactly the content that the card here shows, in a role",
  usage: "approve <number> as <role>",
  group: "sign-off",
  permission: "release.sign_off",
  changes: true,
  examples: ["approve 12 as dev", "approve #12 as qa"],
  read: readSignature,
  async run(context, { release: number, role }) {
    const { actor, services } = context;
    const release = await services.releases.view(actor, number);
    const seen = await fingerprintSeen(context, number);
    if (seen !== release.fingerprint) {
      return { ...releaseAnswer(release), notice: lookFirstCard(release, role, seen) };
    }
    const signed = await services.releases.signOff(actor, number, { role, fingerprint: seen });
    return { card: signedCard(signed, actor, role, hasSigned(release, actor, role)) };
  },
});

export const releaseApproveAction = defineAction(signOff, {
  permission: "release.sign_off",
  changes: true,
  async run({ actor, services }, { release: number, role, fingerprint }): Promise<Answer> {
    const before = await services.releases.view(actor, number);
    if (before.fingerprint !== fingerprint) {
      // The card they pressed is renewed; they see what they are asked to sign before anything is signed.
      return { ...releaseAnswer(before), notice: lookFirstCard(before, role, fingerprint) };
    }
    const signed = await services.releases.signOff(actor, number, { role, fingerprint });
    const answer = releaseAnswer(signed);
    return hasSigned(before, actor, role)
      ? { ...answer, notice: signedCard(signed, actor, role, true) }
      : answer;
  },
});

export const releaseRevoke = defineCommand({
  id: "release.revoke",
  phrase: "revoke",
  aliases: ["unapprove", "unsign"],
  summary: "Take your sign-off back; administrators may name somebody else",
  usage: "revoke <number> as <role> [of person]",
  group: "sign-off",
  permission: ["release.sign_off", "release.revoke_any"],
  changes: true,
  examples: ["revoke 12 as dev", "revoke 12 as qa of quinn"],
  read(input) {
    const signature = readSignature(input);
    return { ...signature, of: input.takes("of") ? input.word("whose sign-off") : undefined };
  },
  async run({ actor, services }, { release: number, role, of }) {
    const release = await services.releases.revokeSignOff(actor, number, { role, of });
    return {
      card: saidCard(
        `Sign-off of release #${number} as ${roleLabel(role)} revoked`,
        "warning",
        signOffLines(release),
        nextStep(release),
      ),
    };
  },
});

function readSignature(input: CommandInput): { readonly release: number; readonly role: string } {
  const release = readRelease(input);
  input.takes("as");
  return { release, role: input.word("in which role, for example `as dev`").toLowerCase() };
}

/** What the newest release card in this place shows; undefined when there is none. */
async function fingerprintSeen(
  { services, place }: CommandContext,
  number: number,
): Promise<string | undefined> {
  const post = await services.chatStore.newestPost(place, releaseSubject(number));
  const fingerprint = post?.messageId === null ? undefined : post?.shown["fingerprint"];
  return typeof fingerprint === "string" ? fingerprint : undefined;
}

function hasSigned(release: ReleaseView, actor: Actor, role: string): boolean {
  return release.signOffs.some(
    (each) =>
      each.role === role && each.person.subject === actor.subject && each.state === "counts",
  );
}

/** Nothing is ever signed that the person did not see. */
function lookFirstCard(release: ReleaseView, role: string, seen: string | undefined): Card {
  const { number, lastChanges } = release;
  const why =
    seen === undefined
      ? `There was no card of release #${number} here, so you could not see what you sign.`
      : `Release #${number} is no longer what that card showed.`;
  const changes = seen === undefined ? [] : lastChanges.slice(0, 8);
  return saidCard(
    "Nothing was signed yet",
    "warning",
    [
      sentence(why),
      ...changes.map((change) => `• ${sentence(change)}`),
      "The card shows what it is now. Look at it first.",
    ],
    `Next: \`approve ${number} as ${quoteWord(role)}\`, or press the button on the card.`,
  );
}

function signedCard(release: ReleaseView, actor: Actor, role: string, wasSigned: boolean): Card {
  const label = roleLabel(role);
  const title = wasSigned
    ? `You have signed release #${release.number} as ${label} already`
    : `${actor.name} signed release #${release.number} as ${label}`;
  return saidCard(title, "success", signOffLines(release), nextStep(release));
}

function signOffLines(release: ReleaseView): readonly string[] {
  const progress = signOffFields(release).map(([label, value]) => `${label}: ${value}`);
  return progress.map((line) => escapeMarkdown(line, 400));
}
