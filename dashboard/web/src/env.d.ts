// Only for tools that do not understand single-file components; vue-tsc resolves the real types first.
declare module "*.vue" {
  import type { DefineComponent } from "vue";
  const component: DefineComponent<object, object, unknown>;
  export default component;
}
