/** YAML for programs and for files that people keep. */
import { stringify } from "yaml";

/** YAML without anchors and without folded lines, ending in a newline. Undefined values are left out, as in JSON. */
export function toYaml(value: unknown): string {
  return stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 });
}
