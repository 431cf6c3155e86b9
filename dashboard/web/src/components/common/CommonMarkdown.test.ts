import { render } from "@testing-library/vue";
import { describe, expect, it } from "vitest";
import CommonMarkdown from "./CommonMarkdown.vue";

describe("CommonMarkdown", () => {
  it.each([
    ["raw HTML", `<img src=x onerror="alert(1)">`, "img"],
    ["a script link", "[click](javascript:alert(1))", "a"],
    ["an image", "![x](https://example.com/pixel.png)", "img"],
    ["a bare address", "https://example.com", "a"],
  ])("draws %s as plain text", (_what, source, element) => {
    const { container } = render(CommonMarkdown, { props: { source } });

    expect(container.querySelector(element)).toBeNull();
  });
});
