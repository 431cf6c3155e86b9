import type { EventMap, EventName } from "../../events/events.ts";
import { cleanText, joinWords, pluralise } from "../../lib/text.ts";

/** Longest quotation of what a person wrote. */
const QUOTE_LIMIT = 300;

/** One sentence per fact, without its actor, who stands beside it. A fact without one does not compile. */
const wording: { readonly [N in EventName]: (payload: EventMap[N]) => string } = {
  "release.created": (p) =>
    `Release #${p.number} was created: ${said(p.source)} → ${said(p.destination)}, ${pluralise(p.items, "service")}.`,
  "release.refreshed": (p) =>
    p.changes.length === 0
      ? `Release #${p.number} was refreshed; nothing had changed.`
      : `Release #${p.number} was refreshed: ${said(p.changes.join("; "))}.`,
  "release.edited": (p) =>
    `The ${p.field === "notes" ? "notes" : "breaking changes"} of release #${p.number} were edited.`,
  "release.item_excluded": (p) =>
    `${listed(p.services)} ${was(p.services)} excluded from release #${p.number}${because(p.reason)}.`,
  "release.item_included": (p) =>
    `${listed(p.services)} ${was(p.services)} included in release #${p.number} again.`,
  "release.dependencies_changed": (p) =>
    p.after.length === 0
      ? `${said(p.service)} no longer depends on anything in release #${p.number}.`
      : `${said(p.service)} depends on ${listed(p.after)} in release #${p.number}.`,
  "release.signed_off": (p) =>
    `Release #${p.number} was signed as ${said(p.role)}${p.byAuthor ? " by an author of its commits" : ""}.`,
  "release.sign_off_revoked": (p) =>
    `The sign-off of ${said(p.signer)} as ${said(p.role)} on release #${p.number} was revoked${p.byAdministrator ? " by an administrator" : ""}.`,
  "release.sign_off_outdated": (p) =>
    `New content in release #${p.number} outdated the sign-off of ${joinWords(p.signOffs.map((s) => `${said(s.name)} as ${said(s.role)}`))}.`,
  "release.approved": (p) => `Release #${p.number} has every sign-off and is approved.`,
  "release.approval_lost": (p) => `Release #${p.number} lost its approval: ${said(p.why)}.`,
  "release.rejected": (p) => `Release #${p.number} was rejected: ${said(p.reason)}.`,
  "release.rejection_lifted": (p) => `The rejection of release #${p.number} was lifted.`,
  "release.closed": (p) => `Release #${p.number} was closed: ${said(p.reason)}.`,
  "release.status_changed": (p) => `Release #${p.number} went from ${p.before} to ${p.after}.`,
  "release.pull_requests_requested": (p) =>
    `${p.repositories.length === 1 ? "A pull request" : "Pull requests"} for release #${p.number} ${was(p.repositories)} asked for: ${listed(p.repositories)}.`,
  "release.pull_requests_opened": (p) =>
    [
      ...(p.opened.length === 0
        ? []
        : [
            `Release #${p.number} has pull requests now: ${listed(p.opened.map((one) => `${one.repository} #${one.number}`))}.`,
          ]),
      ...p.failed
        .slice(0, 10)
        .map(
          (one) =>
            `No pull request was opened in ${said(one.repository)} for release #${p.number}: ${said(one.reason)}.`,
        ),
      ...(p.failed.length > 10
        ? [`Nor in ${pluralise(p.failed.length - 10, "other repository", "other repositories")}.`]
        : []),
      ...(p.opened.length + p.failed.length === 0
        ? [`No pull request was left to open for release #${p.number}.`]
        : []),
    ].join(" "),
  "release.item_landed": (p) =>
    `${said(p.service)} of release #${p.number} landed on ${said(p.branch)} at ${p.sha.slice(0, 12)}.`,

  "deployment.requested": (p) =>
    p.kind === "rollback"
      ? `Rollback #${p.number} of ${listed(p.services)} in ${said(p.environment)} was requested.`
      : `Deployment #${p.number} of ${what(p.release, p.services)} to ${said(p.environment)} was requested.`,
  "deployment.started": (p) => `Deployment #${p.number} to ${said(p.environment)} started.`,
  "deployment.step_changed": (p) =>
    `Deployment #${p.number} to ${said(p.environment)}, wave ${p.wave}: ${p.stage} of ${said(p.service)} is ${p.status}${p.outcome === null ? "" : `: ${said(p.outcome)}`}.`,
  "deployment.resumed": (p) =>
    `Deployment #${p.number} to ${said(p.environment)} was taken up again after ${said(p.after)}.`,
  "deployment.cancel_requested": (p) =>
    `Cancelling deployment #${p.number} to ${said(p.environment)} was requested, ${p.then === "roll_back" ? "then to roll back" : "leaving what is done"}.`,
  "deployment.finished": (p) =>
    `${p.kind === "rollback" ? "Rollback" : "Deployment"} #${p.number} ${p.kind === "rollback" ? "in" : "to"} ${said(p.environment)} ended as ${p.status}: ${said(p.summary)}.`,

  "environment.locked": (p) =>
    `${said(p.environment)} was locked${p.until === null ? "" : ` until ${p.until}`}: ${said(p.reason)}.`,
  "environment.unlocked": (p) => `${said(p.environment)} was unlocked: ${said(p.why)}.`,
  "environment.held": (p) =>
    `Automation for ${said(p.environment)} was put on hold: ${said(p.reason)}.`,
  "environment.resumed": (p) => `Automation for ${said(p.environment)} was resumed.`,
  "environment.baseline_recorded": (p) =>
    `Deployment #${p.deployment} became the baseline of ${said(p.environment)}.`,
  "service.restarted": (p) =>
    `${said(p.service)} in ${said(p.environment)} was restarted: ${said(p.outcome)}.`,

  "service.saved": (p) =>
    `Service ${said(p.service)} was ${p.before === null ? "added" : "changed"}.`,
  "service.removed": (p) => `Service ${said(p.service)} was removed.`,
  "team.saved": (p) => `Team ${said(p.team)} was ${p.before === null ? "added" : "changed"}.`,
  "team.removed": (p) => `Team ${said(p.team)} was removed.`,

  "person.signed_in": (p) =>
    `${said(p.username)} signed in${p.roles.length === 0 ? " without any role" : ` as ${listed(p.roles)}`}.`,
  "person.signed_out": (p) => `${said(p.username)} signed out.`,
  "person.deactivated": (p) => `${said(p.username)} lost access: ${said(p.why)}.`,
  "person.sessions_ended": (p) =>
    `${said(p.username)} ended ${p.count === 1 ? "a session" : `${p.count} sessions`} of theirs.`,
  "account.link_requested": (p) =>
    `${said(p.displayName)} (${said(p.userId)}) of ${said(p.platform)} was given a private link to say who they are.`,
  "account.linked": (p) =>
    `${said(p.displayName)} (${said(p.userId)}) of ${said(p.platform)} was linked to ${said(p.username)}.`,
  "account.unlinked": (p) =>
    `${said(p.displayName ?? "Account")} (${said(p.userId)}) of ${said(p.platform)} is no longer linked to ${said(p.username)}.`,
  "token.created": (p) =>
    `API token "${said(p.name)}" of ${said(p.owner)} was made, for ${joinWords(p.scopes)}.`,
  "token.revoked": (p) => `API token "${said(p.name)}" of ${said(p.owner)} was revoked.`,
  "work.retried": (p) =>
    `Background work ${said(p.name)} about ${said(p.about)}, which had failed with "${said(p.error)}", was started again.`,
  "access.denied": (p) => `${p.permission} was refused: ${said(p.reason)}.`,
};

/** Every fact there is; the type makes the list complete. */
export const EVENT_NAMES = Object.keys(wording).filter(isEventName);

/** The sentence of a stored fact. One that this version does not know is named as it is. */
export function auditText(name: string, payload: unknown): string {
  if (!isEventName(name)) {
    return `${name} happened, which this version cannot describe.`;
  }
  // What is stored under a name was checked by the compiler when it was emitted.
  const word = wording[name] as (payload: unknown) => string;
  return word(payload);
}

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(wording, name);
}

/** Words of people inside a sentence: on one line, not too long, without the full stop that the sentence adds. */
function said(text: string): string {
  return cleanText(text, QUOTE_LIMIT).replace(/[.\s]+$/, "");
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).map(said);
  return names.length > shown.length
    ? `${shown.join(", ")} and ${names.length - shown.length} more`
    : joinWords(shown);
}

function was(names: readonly string[]): string {
  return names.length === 1 ? "was" : "were";
}

function because(reason: string | null): string {
  return reason === null || reason.trim() === "" ? "" : `: ${said(reason)}`;
}

function what(release: number | null, services: readonly string[]): string {
  return release === null ? listed(services) : `release #${release} (${listed(services)})`;
}
