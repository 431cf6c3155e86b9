/**
 * A message as data. Five kinds of block, closed: a renderer that forgets one does not compile. What is called `markdown` is
 * markdown, so text of people goes through `escapeMarkdown` on its way in. Everything else (titles, labels, values, cells) is
 * plain text, and each platform escapes it on its way out.
 */
export type Tone = "neutral" | "info" | "success" | "warning" | "danger";

export interface Card {
  readonly title: string;
  readonly tone: Tone;
  readonly blocks: readonly Block[];
}

export type Block =
  | { readonly type: "text"; readonly markdown: string }
  | {
      readonly type: "fields";
      readonly fields: readonly { readonly label: string; readonly value: string }[];
    }
  | {
      readonly type: "table";
      readonly columns: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly type: "note"; readonly markdown: string }
  | { readonly type: "actions"; readonly items: readonly ActionItem[] };

export type ActionItem =
  | {
      readonly type: "button";
      readonly label: string;
      readonly style?: "primary" | "danger";
      readonly action: ActionCall;
    }
  /** A button that opens a form. */
  | {
      readonly type: "form";
      readonly label: string;
      readonly style?: "primary" | "danger";
      readonly form: FormSpec;
    }
  | { readonly type: "link"; readonly label: string; readonly url: string };

/** Fields every platform can show; the answer arrives as the action `submit` with `values`. */
export interface FormSpec {
  readonly title: string;
  readonly fields: readonly FormField[];
  readonly submit: ActionCall;
}

export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly type: "text" | "textarea" | "select" | "checkbox";
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly initial?: string;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
  readonly maxLength?: number;
}

/** What a click means. Stored on our side; the platform only ever sees a short token. */
export interface ActionCall {
  readonly action: string;
  readonly payload: unknown;
  /** The command that does the same when it is typed, e.g. `approve 12 as dev`. */
  readonly text?: string;
}
