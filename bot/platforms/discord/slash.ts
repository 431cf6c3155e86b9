import { cut } from "../../chat/fit.ts";
import type { Suggestion } from "../../chat/suggestions.ts";
import { parseUsage, sayUsage, type UsagePart } from "../../chat/usage.ts";
import type { SlashOption } from "./inbound.ts";
import {
  MAX_CHOICES,
  MAX_CHOICE_LENGTH,
  MAX_COMMAND_OPTIONS,
  MAX_DESCRIPTION_LENGTH,
  MAX_OPTION_VALUE_LENGTH,
} from "./limits.ts";

/** What Discord calls the bot's command. */
export const SLASH_COMMAND = "slipway";
/** The sub-command for everything that has no fields of its own. */
const SAY = "say";
/** Groups whose name would only be one more word to type: theirs stand on top. */
const ON_TOP = ["history", "help"];
/** Kinds of which somebody else knows which ones there are (`Suggestions`). */
const COMPLETED = [
  "number",
  "deployment",
  "environment",
  "service",
  "repository",
  "role",
  "command",
];

/** `ApplicationCommandOptionType`. */
const SUB_COMMAND = 1;
const GROUP = 2;
const STRING = 3;
const BOOLEAN = 5;

/** A command, as far as it can be typed into fields. */
export interface SlashSpec {
  readonly phrase: string;
  readonly group: string;
  readonly summary: string;
  readonly usage: string;
}

/** A command, a group of them, or a field, as Discord takes it. */
export interface SlashDefinition {
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly max_length?: number;
  readonly choices?: readonly { readonly name: string; readonly value: string }[];
  readonly options?: readonly SlashDefinition[];
}

export interface SlashCommand {
  /** What is registered: one command with everything below it. */
  readonly definition: Readonly<Record<string, unknown>> & {
    readonly options: readonly SlashDefinition[];
  };
  /** What somebody filled in, as the command they could have typed. Of one we no longer have, only its name. */
  toText(options: readonly SlashOption[]): string;
  /** The field somebody is typing into. */
  focused(
    options: readonly SlashOption[],
  ): { readonly kind: string; readonly typed: string } | undefined;
}

interface Field {
  readonly name: string;
  readonly part: UsagePart;
}

interface Entry {
  readonly spec: SlashSpec;
  readonly fields: readonly Field[];
}

/**
 * One command of Discord for all of ours: each is a sub-command with its usage as fields. There may be 25 of a level, so they
 * stand in the groups in which help lists them; those everybody needs stand on top.
 */
export function createSlashCommand(specs: readonly SlashSpec[]): SlashCommand {
  const entries = specs.map((spec): Entry => ({ spec, fields: fieldsOf(spec) }));
  const byPhrase = new Map(entries.map((entry) => [entry.spec.phrase, entry]));

  return {
    definition: {
      name: SLASH_COMMAND,
      type: 1,
      description: "Releases: create, sign, deploy, and ask why not",
      // In the server only: who somebody is there decides what they may do.
      contexts: [0],
      integration_types: [0],
      options: [sayDefinition, ...definitions(entries)],
    },
    toText(options) {
      const { name, fields } = innermost(options);
      const value = (wanted: string) => fields.find((field) => field.name === wanted)?.value;
      if (name === SAY) {
        return String(value(SAY_FIELD) ?? "");
      }
      const entry = byPhrase.get(name);
      const parts = (entry?.fields ?? []).map((field) => {
        const given = value(field.name);
        return { part: field.part, value: typeof given === "number" ? String(given) : given };
      });
      return sayUsage(name, parts);
    },
    focused(options) {
      const { name, fields } = innermost(options);
      const typing = fields.find(({ focused }) => focused);
      const field = byPhrase.get(name)?.fields.find((each) => each.name === typing?.name);
      return typing && field
        ? { kind: field.part.of, typed: String(typing.value ?? "") }
        : undefined;
    },
  };
}

/** What fits, with whatever was typed before in front of it where several may be named. */
export function toChoices(
  suggestions: readonly Suggestion[],
  typed: string,
): readonly { readonly name: string; readonly value: string }[] {
  const before = /^(.*[\s,])?[^\s,]*$/s.exec(typed)?.[1] ?? "";
  return suggestions
    .map(({ label, value }) => ({ name: `${before}${label}`, value: `${before}${value}` }))
    .filter(({ value }) => value.length <= MAX_CHOICE_LENGTH)
    .slice(0, MAX_CHOICES)
    .map(({ name, value }) => ({ name: cut(name, MAX_CHOICE_LENGTH), value }));
}

/** The last word of what was typed: of a list, the others are there already. */
export function lastWord(typed: string): string {
  return /[^\s,]*$/.exec(typed)?.[0] ?? "";
}

const SAY_FIELD = "command";

const sayDefinition: SlashDefinition = {
  type: SUB_COMMAND,
  name: SAY,
  description: "Anything you can say to me, as you would type it",
  options: [
    {
      type: STRING,
      name: SAY_FIELD,
      description: "For example: help deploy",
      required: true,
      max_length: MAX_OPTION_VALUE_LENGTH,
    },
  ],
};

function definitions(entries: readonly Entry[]): readonly SlashDefinition[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    groups.set(entry.spec.group, [...(groups.get(entry.spec.group) ?? []), entry]);
  }
  return [...groups].flatMap(([name, members]): readonly SlashDefinition[] => {
    const commands = members.map(toDefinition);
    return ON_TOP.includes(name)
      ? commands
      : [{ type: GROUP, name, description: `All about ${name}`, options: commands }];
  });
}

function toDefinition({ spec, fields }: Entry): SlashDefinition {
  const required = fields.filter(({ part }) => part.required);
  const optional = fields.filter(({ part }) => !part.required);
  return {
    type: SUB_COMMAND,
    name: spec.phrase,
    description: cut(spec.summary, MAX_DESCRIPTION_LENGTH),
    // Discord wants what must be filled in first.
    options: [...required, ...optional].slice(0, MAX_COMMAND_OPTIONS).map(toOption),
  };
}

function toOption({ name, part }: Field): SlashDefinition {
  const common = {
    name,
    description: cut(describe(part), MAX_DESCRIPTION_LENGTH),
    ...(part.required ? { required: true } : {}),
  };
  if (part.kind === "flag") {
    return { ...common, type: BOOLEAN };
  }
  if (part.kind === "choice") {
    const choices = part.choices.slice(0, MAX_CHOICES).map((value) => ({
      name: value.replaceAll("_", " "),
      value,
    }));
    return { ...common, type: STRING, choices };
  }
  return {
    ...common,
    type: STRING,
    ...(COMPLETED.includes(part.of) ? { autocomplete: true } : {}),
  };
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  number: "Number of the release",
  deployment: "Number of the deployment",
  why: "Why",
  role: "As what",
  person: "Whose",
  text: "What it shall say",
  for: "How long, for example 2h",
};

function describe({ of, name, kind, before }: UsagePart): string {
  const known = DESCRIPTIONS[name] ?? DESCRIPTIONS[of];
  const said = known ?? `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("-", " ")}`;
  if (kind === "list") {
    return `${said}, or several with spaces between`;
  }
  return before === "" || before.startsWith("-") ? said : `${said} (${before} …)`;
}

/** Names are small letters, digits and hyphens, and each is there once. */
function fieldsOf({ phrase, usage }: SlashSpec): readonly Field[] {
  const taken = new Set<string>();
  return parseUsage(usage).map((read) => {
    // A number is a release's, except where the command says whose it is.
    const isOwn = read.of === "number" && COMPLETED.includes(phrase);
    const part = isOwn ? { ...read, name: phrase, of: phrase } : read;
    const usual = part.name === "number" ? "release" : part.name;
    const word = /^[a-z]+$/.test(part.before) ? part.before : `other-${usual}`;
    const name = [usual, word, `${usual}-${String(taken.size)}`].find((each) => !taken.has(each));
    taken.add(name ?? usual);
    return { name: name ?? usual, part };
  });
}

/** What is filled in stands below the sub-command, and that may stand below a group. */
function innermost(options: readonly SlashOption[]): {
  readonly name: string;
  readonly fields: readonly SlashOption[];
} {
  const [first] = options;
  if (first?.type === GROUP) {
    return innermost(first.options ?? []);
  }
  return { name: first?.name ?? "", fields: first?.options ?? [] };
}
