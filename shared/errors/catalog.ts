import { defineError } from "./app-error.ts";

/** One unmet requirement, as every refusal carries it. */
export interface Reason {
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
  readonly url?: string;
}

/** One mistake in the configuration. */
export interface ConfigProblem {
  /** File as the person named it, or `environment` for a variable. */
  readonly file: string;
  /** First line is 1; null where there is no line. */
  readonly line: number | null;
  /** Place in the file, e.g. `environments[0].target.kind`; empty for the file as a whole. */
  readonly path: string;
  readonly what: string;
  readonly fix: string;
}

const seeHelp = "Say `help` to see what can be done here.";

export const InputInvalid = defineError<{
  readonly problems: readonly { readonly pointer: string; readonly message: string }[];
}>("input.invalid", "invalid_input", (d) =>
  d.problems.map((p) => (p.pointer ? `${p.pointer}: ${p.message}` : p.message)).join("; "),
);
export const InputTooLarge = defineError<{ what: string; limit: number; unit: string }>(
  "input.too_large",
  "invalid_input",
  (d) => `${d.what} is longer than ${d.limit.toLocaleString("en-US")} ${d.unit}.`,
  () => "Shorten it and send it again; nothing was changed.",
);
export const RefInvalid = defineError<{ ref: string; why: string }>(
  "ref.invalid",
  "invalid_input",
  (d) => `"${d.ref}" cannot be a branch name: ${d.why}.`,
  () => "Check the spelling of the branch.",
);
export const FilePathInvalid = defineError<{ path: string; why: string }>(
  "file_path.invalid",
  "invalid_input",
  (d) => `"${d.path}" cannot be the path of a file in a repository: ${d.why}.`,
  () => "Write it from the root of the repository, such as deploy/stack.yml.",
);

/** Stops the start. The message lists every mistake, one per line, ready to be printed. */
export const ConfigInvalid = defineError<{ readonly problems: readonly ConfigProblem[] }>(
  "config.invalid",
  "invalid_input",
  (d) =>
    d.problems
      .map((p) => {
        const place = p.line === null ? p.file : `${p.file}:${p.line}`;
        return `${place}${p.path ? ` ${p.path}` : ""}: ${p.what}. Fix: ${p.fix}`;
      })
      .join("\n"),
  () => "Correct these places; `config.example.yaml` shows every key.",
);

export const SignInRequired = defineError<Record<string, never>>(
  "session.missing",
  "unauthenticated",
  () => "You are not signed in.",
  () => "Sign in, or send an API token as `Authorization: Bearer …`.",
);
export const TokenInvalid = defineError<Record<string, never>>(
  "token.invalid",
  "unauthenticated",
  () => "This API token is unknown, expired or revoked.",
  () => "Make a new one with `slipway token`, or under Settings.",
);
export const PersonNotFound = defineError<{ person: string; known: readonly string[] }>(
  "person.not_found",
  "not_found",
  (d) => `There is nobody called "${d.person}".`,
  (d) =>
    d.known.length > 0 ? `Known: ${d.known.join(", ")}.` : "They have to sign in once first.",
);
export const TokenNotFound = defineError<{ token: string }>(
  "token.not_found",
  "not_found",
  (d) => `There is no API token ${d.token} that you could revoke.`,
  () => "Look at the list of tokens again: it may be revoked already.",
);
export const SessionNotFound = defineError<{ session: string }>(
  "session.not_found",
  "not_found",
  () => "There is no such session of yours.",
  () => "Look at the list of sessions again: it may have ended already.",
);
export const AccountUnlinked = defineError<{ platform: string }>(
  "account.unlinked",
  "unauthenticated",
  (d) => `Your ${d.platform} account is not linked to your sign-in yet.`,
  () => "Say `link` to get a private link that does it.",
);
export const AccountTaken = defineError<{ platform: string }>(
  "account.taken",
  "conflict",
  (d) => `This ${d.platform} account is linked to somebody else.`,
  (d) => `Say \`unlink\` to me in ${d.platform} first, then \`link\` again.`,
);
export const AccountNotFound = defineError<{ account: string }>(
  "account.not_found",
  "not_found",
  () => "There is no such linked account of yours.",
  () => "Look at the list again: it may be unlinked already.",
);
export const LinkUnknown = defineError<Record<string, never>>(
  "link.unknown",
  "not_found",
  () => "This link is not one of mine.",
  () => "Say `link` to me in the chat to get a new one.",
);
export const LinkUsed = defineError<Record<string, never>>(
  "link.used",
  "conflict",
  () => "This link was used already; each works once.",
  () => "Say `link` to me in the chat to get a new one.",
);
export const LinkExpired = defineError<Record<string, never>>(
  "link.expired",
  "conflict",
  () => "This link is too old; each works for ten minutes.",
  () => "Say `link` to me in the chat to get a new one.",
);
export const LinkNeedsSignIn = defineError<Record<string, never>>(
  "link.needs_sign_in",
  "forbidden",
  () => "An API token cannot link a chat account.",
  () => "Open the link in a browser and sign in yourself.",
);
export const AccountRefused = defineError<{ platform: string; kind: "bot" | "guest" }>(
  "account.refused",
  "forbidden",
  (d) =>
    d.kind === "guest"
      ? `Guests of ${d.platform} cannot use me.`
      : "I take orders from people, not from other programs.",
  (d) =>
    d.kind === "guest"
      ? "Ask somebody who belongs to the team."
      : "Use an API token of its own for a program.",
);
export const PersonInactive = defineError<{ name: string }>(
  "person.inactive",
  "forbidden",
  (d) => `${d.name} no longer has access.`,
  () => "Ask an administrator of the identity provider.",
);
export const PermissionDenied = defineError<{ permission: string; reason: string }>(
  "permission.denied",
  "forbidden",
  (d) => d.reason,
);
export const CsrfInvalid = defineError<Record<string, never>>(
  "csrf.invalid",
  "forbidden",
  () => "The page is out of date, so this was refused to protect you.",
  () => "Reload the page and try again.",
);
export const IdentityUnavailable = defineError<{ issuer: string }>(
  "identity.unavailable",
  "upstream",
  (d) => `The identity provider at ${d.issuer} does not answer, so your roles cannot be confirmed.`,
  () => "Try again in a minute. Nothing was changed.",
);
export const IssuerInsecure = defineError<{ issuer: string }>(
  "issuer.insecure",
  "invalid_input",
  (d) => `The identity provider ${d.issuer} is reached without TLS.`,
  () => "Use an https address; only an identity provider on this very machine may go without.",
);
export const IdentityProviderLocal = defineError<Record<string, never>>(
  "identity_provider.local",
  "forbidden",
  () => "The embedded identity provider answers only on the machine Slipway runs on.",
  () => "Open Slipway there by its loopback address, or configure your own identity provider.",
);
export const LogoutTokenInvalid = defineError<{ why: string }>(
  "logout_token.invalid",
  "invalid_input",
  (d) => `This logout token is refused: ${d.why}.`,
);
export const LoginFailed = defineError<{ why: string }>(
  "login.failed",
  "unauthenticated",
  (d) => `Signing in did not work: ${d.why}.`,
  () => "Start again from the sign-in page.",
);

export const ReleaseNotFound = defineError<{ release: string }>(
  "release.not_found",
  "not_found",
  (d) => `There is no release ${d.release}.`,
  () => "Say `releases` to see the open ones.",
);
export const ReleaseAlreadyOpen = defineError<{
  number: number;
  source: string;
  destination: string;
}>(
  "release.already_open",
  "conflict",
  (d) => `Release #${d.number} from ${d.source} to ${d.destination} is already open.`,
  (d) =>
    `Say \`refresh ${d.number}\` to bring it up to date, or \`close ${d.number} -m "…"\` first.`,
);
export const ReleaseEmpty = defineError<{
  source: string;
  destination: string;
  problems: readonly { repository: string; reason: string }[];
}>(
  "release.empty",
  "blocked",
  (d) =>
    `Nothing to release: no repository has commits on ${d.source} that ${d.destination} lacks.` +
    (d.problems.length > 0
      ? ` Not compared: ${d.problems.map((p) => `${p.repository} (${p.reason})`).join("; ")}.`
      : ""),
  () => "Check the branch names, or push the work first.",
);
export const BranchMissing = defineError<{
  source: string;
  destination: string;
  suggestions: readonly string[];
}>(
  "branch.missing",
  "not_found",
  (d) => `No repository has both branches, ${d.source} and ${d.destination}.`,
  (d) =>
    d.suggestions.length > 0
      ? `Did you mean ${d.suggestions.join(" or ")}?`
      : "Check the spelling, or push the branch first.",
);
export const RepositoriesUnconfigured = defineError<Record<string, never>>(
  "repository.unconfigured",
  "blocked",
  () => "No repository is configured, so there is nothing to compare.",
  () => "Add repositories to config.yaml and restart.",
);
export const CommitsRejected = defineError<{
  release: number;
  by: string;
  reason: string;
  services: readonly string[];
}>(
  "release.commits_rejected",
  "blocked",
  (d) =>
    `Commits of ${d.services.join(", ")} were rejected in release #${d.release} by ${d.by}: ${d.reason}`,
  (d) =>
    `An administrator can say \`lift ${d.release}\`, or leave the services out with \`--exclude\`.`,
);
export const ReleaseClosed = defineError<{ number: number; status: string; action: string }>(
  "release.closed",
  "conflict",
  (d) => `Release #${d.number} is ${d.status}, so it cannot be ${d.action}.`,
  () => "Create a new release.",
);
export const ReleaseBusy = defineError<{ number: number; deployment: number; action: string }>(
  "release.busy",
  "conflict",
  (d) => `Release #${d.number} cannot be ${d.action} while deployment #${d.deployment} is running.`,
  (d) => `Wait for it, or say \`cancel ${d.deployment}\`.`,
);
export const PullRequestsImpossible = defineError<{ number: number }>(
  "pull_request.impossible",
  "blocked",
  (d) => `No repository of release #${d.number} is at a provider with pull requests.`,
  () => "Nothing is missing: such repositories land without one.",
);
export const PullRequestsPresent = defineError<{ number: number }>(
  "pull_request.present",
  "conflict",
  (d) => `Every repository of release #${d.number} has its pull request.`,
);
export const ReleaseChanged = defineError<{ number: number }>(
  "release.changed",
  "conflict",
  (d) => `Release #${d.number} was changed by somebody else in the meantime.`,
  () => "Look at it again and repeat what you wanted to do.",
);
export const ItemNotFound = defineError<{
  number: number;
  service: string;
  known: readonly string[];
}>(
  "release_item.not_found",
  "not_found",
  (d) => `Release #${d.number} has no service called "${d.service}".`,
  (d) => (d.known.length > 0 ? `It has: ${d.known.join(", ")}.` : "It has no services at all."),
);
export const DependencyInvalid = defineError<{ service: string; on: string; why: string }>(
  "dependency.invalid",
  "invalid_input",
  (d) => `${d.service} cannot depend on ${d.on}: ${d.why}.`,
);
export const RepositoryUnknown = defineError<{ repository: string; known: readonly string[] }>(
  "repository.unknown",
  "not_found",
  (d) => `There is no repository called "${d.repository}".`,
  (d) =>
    d.known.length > 0 ? `Known: ${d.known.join(", ")}.` : "Add repositories to config.yaml.",
);

export const SignOffRefused = defineError<{ reasons: readonly Reason[] }>(
  "sign_off.refused",
  "blocked",
  (d) => d.reasons.map((r) => r.reason).join(" "),
);
export const SignOffOutdated = defineError<{
  number: number;
  seen: string;
  current: string;
  changes: readonly string[];
}>(
  "sign_off.outdated",
  "conflict",
  (d) =>
    `Release #${d.number} is no longer what you saw${d.changes.length > 0 ? `: ${d.changes.join("; ")}` : ""}. Nothing was signed.`,
  () => "Look at the new content, then approve again.",
);
export const SignOffNotFound = defineError<{ number: number; role: string }>(
  "sign_off.not_found",
  "not_found",
  (d) => `Release #${d.number} has no sign-off as ${d.role} that you could revoke.`,
  (d) => `Say \`who ${d.number}\` to see who signed in which role.`,
);
export const RoleUnknown = defineError<{ role: string; known: readonly string[] }>(
  "role.unknown",
  "invalid_input",
  (d) => `"${d.role}" is not a role this release is signed in.`,
  (d) => `Roles: ${d.known.join(", ")}.`,
);
export const RejectionNotFound = defineError<{ number: number }>(
  "rejection.not_found",
  "not_found",
  (d) => `Release #${d.number} is not rejected, so there is nothing to lift.`,
  (d) => `Say \`release ${d.number}\` to see what it waits for.`,
);

export const EnvironmentNotFound = defineError<{ environment: string; known: readonly string[] }>(
  "environment.not_found",
  "not_found",
  (d) => `There is no environment called "${d.environment}".`,
  (d) =>
    d.known.length > 0 ? `Known: ${d.known.join(", ")}.` : "Add environments to config.yaml.",
);
export const EnvironmentMissing = defineError<{ number: number }>(
  "environment.missing",
  "invalid_input",
  (d) => `Release #${d.number} has no target environment: none follows its destination branch.`,
  (d) => `Say where: \`deploy ${d.number} to <environment>\`.`,
);
export const EnvironmentAlreadyLocked = defineError<{
  environment: string;
  by: string;
  reason: string;
}>(
  "environment.locked",
  "conflict",
  (d) => `${d.environment} is already locked by ${d.by}: ${d.reason}`,
  (d) => `Say \`unlock ${d.environment}\` first.`,
);
export const EnvironmentNotLocked = defineError<{ environment: string }>(
  "environment.unlocked",
  "conflict",
  (d) => `${d.environment} is not locked.`,
);
export const HoldNotFound = defineError<{ environment: string }>(
  "hold.not_found",
  "conflict",
  (d) => `Automation for ${d.environment} is not on hold.`,
);
export const ServiceNotFound = defineError<{ service: string; known: readonly string[] }>(
  "service.not_found",
  "not_found",
  (d) => `There is no service called "${d.service}".`,
  (d) => (d.known.length > 0 ? `Known: ${d.known.join(", ")}.` : "Add services or repositories."),
);
export const ServiceReadOnly = defineError<{ service: string }>(
  "service.read_only",
  "conflict",
  (d) => `${d.service} is declared in config.yaml, so it cannot be changed here.`,
  () => "Change it in config.yaml and restart.",
);
export const TeamNotFound = defineError<{ team: string }>(
  "team.not_found",
  "not_found",
  (d) => `There is no team called "${d.team}".`,
  () => "Check the spelling against the list of teams, or add the team first.",
);
export const NameInUse = defineError<{
  what: string;
  name: string;
  by: readonly string[];
}>(
  "name.in_use",
  "conflict",
  (d) => `The ${d.what} "${d.name}" is still used by ${d.by.join(", ")}.`,
  () => "Change those first, then remove it.",
);
export const NameTaken = defineError<{ what: string; name: string }>(
  "name.taken",
  "conflict",
  (d) => `There is already a ${d.what} called "${d.name}".`,
  () => "Choose another name.",
);
export const DeploymentNotFound = defineError<{ deployment: string }>(
  "deployment.not_found",
  "not_found",
  (d) => `There is no deployment ${d.deployment}.`,
  () => "Say `history` to see the latest ones.",
);
export const DeploymentBlocked = defineError<{ reasons: readonly Reason[] }>(
  "deployment.blocked",
  "blocked",
  (d) => `Not deployed: ${d.reasons.map((r) => r.reason).join(" ")}`,
);
export const DeploymentFinished = defineError<{ number: number; status: string; action: string }>(
  "deployment.finished",
  "conflict",
  (d) => `Deployment #${d.number} is ${d.status}, so it cannot be ${d.action}.`,
);
export const RollbackImpossible = defineError<{ environment: string; why: string }>(
  "rollback.impossible",
  "blocked",
  (d) => `${d.environment} cannot be rolled back: ${d.why}.`,
);
export const RestartUnsupported = defineError<{ environment: string; target: string }>(
  "restart.unsupported",
  "blocked",
  (d) => `Services in ${d.environment} cannot be restarted: its target has no way to do it.`,
  (d) =>
    d.target === "command"
      ? `Set target.restart of ${d.environment} in config.yaml.`
      : "Restart it where it runs.",
);
export const RestartFailed = defineError<{ environment: string; service: string; why: string }>(
  "restart.failed",
  "upstream",
  (d) => `${d.service} in ${d.environment} could not be restarted: ${d.why}`,
  () => "Look at its log, then try again.",
);
export const PromotionEmpty = defineError<{ from: string; to: string }>(
  "promotion.empty",
  "blocked",
  (d) => `Nothing to promote: ${d.to} already runs what ${d.from} runs.`,
);
export const PromotionStale = defineError<{ from: string; to: string }>(
  "promotion.stale",
  "conflict",
  (d) => `What runs in ${d.from} or ${d.to} has changed since this comparison was made.`,
  (d) => `Say \`diff ${d.from} ${d.to}\` to see the current difference.`,
);

export const UpstreamUnavailable = defineError<{
  system: string;
  operation: string;
  retryAfterMs?: number;
  why?: string;
}>(
  "upstream.unavailable",
  "upstream",
  (d) =>
    `${d.system} does not answer (${d.operation}${d.why ? `: ${d.why}` : ""}). Nothing was changed.`,
  () => "Try again in a moment.",
);
export const UpstreamRejected = defineError<{ system: string; operation: string; why: string }>(
  "upstream.rejected",
  "upstream",
  (d) => `${d.system} refused ${d.operation}: ${d.why}. Nothing was changed.`,
);
export const UpstreamTimeout = defineError<{
  system: string;
  operation: string;
  timeoutMs: number;
}>(
  "upstream.timeout",
  "timeout",
  (d) => `${d.system} did not finish ${d.operation} within ${Math.round(d.timeoutMs / 1000)} s.`,
  () => "Try again; if it keeps happening, look at that system.",
);
/** What keeps a stack file from being applied. `why` is half a sentence, `fix` a whole one. */
export interface StackFileProblem {
  readonly line: number | null;
  readonly why: string;
  readonly fix: string;
}
export const StackFileRefused = defineError<{
  file: string;
  problems: readonly StackFileProblem[];
}>(
  "stack_file.refused",
  "blocked",
  (d) =>
    `${d.file} cannot be deployed: ${firstOf(d.problems, ({ line, why }) => `${line === null ? "" : `line ${line}: `}${why}`, "; ")}. Nothing was changed.`,
  (d) => firstOf(d.problems, ({ fix }) => fix, " "),
);
export const SwarmUnready = defineError<{ system: string; why: string }>(
  "swarm.unready",
  "blocked",
  (d) => `Nothing can be deployed to ${d.system}: ${d.why}.`,
);
/** It went away in the middle of a change, so that nobody can say what has become of it. */
export const TargetLost = defineError<{ system: string; service: string }>(
  "target.lost",
  "upstream",
  (d) =>
    `${d.system} went away while ${d.service} was changed and has not come back. The change may go on there without us.`,
  () => "Bring it back, then look at the environment: what runs is what it says then.",
);
export const ProviderNotConfigured = defineError<{ kind: string; id: string; key: string }>(
  "provider.unconfigured",
  "blocked",
  (d) => `The ${d.kind} provider "${d.id}" is not configured.`,
  (d) => `Set ${d.key} in config.yaml.`,
);

export const WorkNotFound = defineError<{ work: string }>(
  "work.not_found",
  "not_found",
  (d) => `There is no background work ${d.work} that gave up.`,
  () => "It may have been retried already; `slipway work list` shows what is left.",
);
export const WorkUnwanted = defineError<{ work: string; by: string }>(
  "work.unwanted",
  "conflict",
  (d) => `Nobody in this version takes background work ${d.work}: ${d.by} is gone.`,
  () => "Leave it; nothing is missing.",
);

export const CommandUnknown = defineError<{ text: string; suggestions: readonly string[] }>(
  "command.unknown",
  "invalid_input",
  (d) =>
    d.suggestions.length > 0
      ? `I do not know "${d.text}". Did you mean ${d.suggestions.map((s) => `\`${s}\``).join(" or ")}?`
      : `I do not know "${d.text}".`,
  () => seeHelp,
);
export const CommandInvalid = defineError<{ command: string; why: string; usage: string }>(
  "command.invalid",
  "invalid_input",
  (d) => d.why,
  (d) => `Usage: \`${d.usage}\``,
);
export const ActionExpired = defineError<Record<string, never>>(
  "action.expired",
  "conflict",
  () => "This button is too old to be used.",
  () => "Ask for the card again, for example with `release <n>`.",
);
export const MessageNotFound = defineError<{ message: string }>(
  "room_message.not_found",
  "not_found",
  () => "There is no such message.",
  () => "It may have been removed; load the channel again to see what is there.",
);
export const ChannelNotFound = defineError<{ channel: string }>(
  "room_channel.not_found",
  "not_found",
  (d) => `There is no channel called "${d.channel}" that you can read.`,
  () => "Choose one from the list of channels.",
);
export const ChannelUnreachable = defineError<{ platform: string; channel: string; why: string }>(
  "channel.unreachable",
  "upstream",
  (d) => `I cannot write to ${d.channel} on ${d.platform}: ${d.why}.`,
);
export const RouteNotFound = defineError<{ method: string; path: string }>(
  "route.not_found",
  "not_found",
  (d) => `There is nothing at ${d.method} ${d.path}.`,
  () => "See /api/v1/docs for everything there is.",
);
export const RateLimited = defineError<{ retryAfterMs: number }>(
  "rate.limited",
  "rate_limited",
  (d) => `Too many requests. Try again in ${Math.max(1, Math.ceil(d.retryAfterMs / 1000))} s.`,
);
export const ShuttingDown = defineError<Record<string, never>>(
  "service.restarting",
  "rate_limited",
  () => "I am restarting.",
  () => "Try again in a minute; nothing was changed.",
);
export const ChatNotRunning = defineError<Record<string, never>>(
  "chat.not_running",
  "upstream",
  () => "The chat part of Slipway is not running, so nobody can answer now.",
  () =>
    "Try again in a minute. If it stays like this, whoever runs Slipway must start a process with --services=chat.",
);
export const StorageUnavailable = defineError<{ why: string }>(
  "storage.unavailable",
  "upstream",
  (d) => `The database cannot be used right now: ${d.why}. Nothing was changed.`,
  () => "Free some space or check the disk, then try again.",
);
export const CommitOutcomeUnknown = defineError<Record<never, never>>(
  "storage.outcome_unknown",
  "upstream",
  () =>
    "The database went away while this was being saved, and nobody can tell whether it was. It may have been.",
  () => "Look whether it is there before you try again.",
);
export const SampleInTheWay = defineError<{ path: string }>(
  "sample.in_the_way",
  "blocked",
  (d) => `The sample workspace cannot be made: ${d.path} is there and is no git repository.`,
  () => "Move it away or delete it, then start again.",
);
export const DemoImpossible = defineError<{ why: string }>(
  "demo.impossible",
  "blocked",
  (d) => `The demo cannot run: ${d.why}.`,
);
export const DatabaseUnusable = defineError<{ database: string; why: string }>(
  "database.unusable",
  "blocked",
  (d) => `The database ${d.database} cannot be used: ${d.why}.`,
);
export const DatabaseInUse = defineError<{ database: string }>(
  "database.in_use",
  "blocked",
  (d) => `Another Slipway is running on the database ${d.database}.`,
  () =>
    "Stop that one first, or give this one a database and a data folder of its own (database.url, SLIPWAY_DATA).",
);
export const DatabaseNewer = defineError<{ database: string; unknown: readonly string[] }>(
  "database.newer",
  "blocked",
  (d) =>
    `The database ${d.database} was made by a newer version of Slipway (${d.unknown.join(", ")}). Nothing was changed.`,
  () => "Start that version or a later one, or restore a backup made before it.",
);
export const InternalFault = defineError<{ reference: string }>(
  "internal.fault",
  "internal",
  (d) => `Something broke on our side. Reference: ${d.reference}.`,
  () => "Try again; if it keeps happening, give this reference to whoever runs Slipway.",
);

export const PortInUse = defineError<{ port: number; host: string; why: string }>(
  "port.in_use",
  "internal",
  (d) => {
    switch (d.why) {
      case "EADDRINUSE":
        return `Port ${d.port} is in use by another program.`;
      case "EACCES":
        return `This user may not listen on port ${d.port}.`;
      case "EADDRNOTAVAIL":
      case "ENOTFOUND":
        return `This machine has no address ${d.host} to listen on.`;
      default:
        return `Slipway cannot listen on ${d.host}:${d.port} (${d.why}).`;
    }
  },
  (d) =>
    ["EADDRNOTAVAIL", "ENOTFOUND"].includes(d.why)
      ? "Correct server.host in config.yaml: 127.0.0.1 for this machine only, 0.0.0.0 for every network."
      : `${d.why === "EADDRINUSE" ? "Stop that program, or choose" : "Choose"} another port with --port, SLIPWAY_PORT or server.port in config.yaml.`,
);
export const ServicesInvalid = defineError<{ why: string }>(
  "services.invalid",
  "invalid_input",
  (d) => `${d.why}.`,
  () => "Leave --services out to run everything in one process.",
);
export const SecretKeyDiffers = defineError<{ own: string; common: string }>(
  "secret_key.different",
  "blocked",
  (d) =>
    `This process has other keys (${d.own}) than those this database was set up with (${d.common}), so it could neither read the sign-ins of others nor be read by them.`,
  () =>
    "Give every process the same secret_key in config.yaml, or the same files secret.key and cookie.key in its data folder. If the old keys are lost for good, shared/docs/several-processes.md says how to start with new ones.",
);
export const EmbeddedIdentityTaken = defineError<{ holder: string }>(
  "embedded_identity.taken",
  "blocked",
  (d) =>
    `Another process (${d.holder}) is the embedded identity provider already. What it knows of sign-ins is in its memory, so there can be one process with the web part only.`,
  () => "Configure auth.keycloak to run several, or start this one with --services=chat,worker.",
);
export const CommandLineInvalid = defineError<{ why: string }>(
  "command_line.invalid",
  "invalid_input",
  (d) => d.why,
  () => "Say `slipway help` for everything there is.",
);
export const InstallationMissing = defineError<{ database: string }>(
  "installation.missing",
  "not_found",
  (d) => `There is no Slipway here yet: ${d.database} does not exist.`,
  () =>
    "Name the right place with --config, SLIPWAY_CONFIG or SLIPWAY_DATA, or start Slipway once to make it.",
);
export const DataFolderUnusable = defineError<{ folder: string; why: string }>(
  "data.unusable",
  "blocked",
  (d) => `The data folder ${d.folder} cannot be used: ${d.why}.`,
  () =>
    "Let the user that runs Slipway write there, or choose another place with SLIPWAY_DATA or data in config.yaml.",
);
export const BackupExists = defineError<{ file: string }>(
  "backup.exists",
  "conflict",
  (d) => `${d.file} is there already. Nothing was written.`,
  () => "Choose another name, or say --force to replace it.",
);
export const BackupFailed = defineError<{ what: string; why: string }>(
  "backup.failed",
  "blocked",
  (d) => `${d.what}: ${d.why}. Nothing was changed.`,
);
export const BackupUnusable = defineError<{ file: string; why: string }>(
  "backup.unusable",
  "invalid_input",
  (d) => `${d.file} cannot be restored: ${d.why}. Nothing was changed.`,
  () => "Use another backup.",
);
export const BackupNewer = defineError<{ file: string; version: string }>(
  "backup.newer",
  "blocked",
  (d) =>
    `${d.file} was made by a newer version of Slipway (${d.version}), which this one cannot read. Nothing was changed.`,
  (d) => `Restore it with Slipway ${d.version} or a later one.`,
);
export const InstallationInTheWay = defineError<{ places: readonly string[] }>(
  "installation.in_the_way",
  "conflict",
  (d) => `There is an installation here already: ${d.places.join(", ")}. Nothing was changed.`,
  () =>
    "Say --force to set it aside (it is kept) and restore, or name another place with SLIPWAY_DATA.",
);

const SHOWN_PROBLEMS = 5;

/** The first few, without saying anything twice, and how many more there are. */
function firstOf<T>(items: readonly T[], say: (item: T) => string, between: string): string {
  const said = [...new Set(items.map(say))];
  const more = said.length - SHOWN_PROBLEMS;
  return [...said.slice(0, SHOWN_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])].join(
    between,
  );
}
