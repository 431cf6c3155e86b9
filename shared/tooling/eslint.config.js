import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import pluginVue from "eslint-plugin-vue";
import vueA11y from "eslint-plugin-vuejs-accessibility";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import tseslint from "typescript-eslint";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

export default defineConfig([
  globalIgnores(["dist", "coverage", "data", "shared/bench/peers"]),
  js.configs.recommended,
  {
    files: ["**/*.{ts,vue}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: root,
        extraFileExtensions: [".vue"],
      },
    },
  },
  ...pluginVue.configs["flat/recommended"],
  ...vueA11y.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: tseslint.parser }, globals: globals.browser },
  },
  {
    files: ["**/*.vue"],
    rules: {
      // A label may wrap its control or point at it; both work with assistive technology.
      "vuejs-accessibility/label-has-for": ["error", { required: { some: ["nesting", "id"] } }],
    },
  },
  { files: ["dashboard/web/**/*.ts"], languageOptions: { globals: globals.browser } },
  {
    files: [
      "bot/**/*.ts",
      "shared/**/*.{ts,mjs,js}",
      "dashboard/server/**/*.ts",
      "*.cjs",
      ".*.cjs",
    ],
    languageOptions: { globals: globals.node },
  },
  {
    files: ["**/*.{ts,vue}"],
    rules: {
      "no-undef": "off",
      eqeqeq: "error",
      curly: "error",
      "no-console": "error",
      "no-nested-ternary": "error",
      "no-else-return": "error",
      "no-empty": "error",
      "func-style": ["error", "declaration", { allowArrowFunctions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
  {
    files: ["**/*.{ts,vue}"],
    ignores: [
      "shared/config/**",
      "shared/tooling/**",
      "shared/testing/**",
      "shared/bench/**",
      "**/*.test.ts",
      "bot/scenarios/**",
      "bot/cli/testing/**",
    ],
    rules: {
      "no-restricted-properties": [
        "error",
        {
          object: "process",
          property: "env",
          message: "Read the environment in shared/config only.",
        },
      ],
    },
  },
  {
    files: ["**/*.test.ts", "**/testing/**/*.ts", "bot/scenarios/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  prettier,
]);
