/** Where the bridge itself listens. */
import { isIP } from "node:net";
import { isLoopback, parseListen } from "../../kernel/listen-address.ts";
import { quoted } from "../../kernel/text.ts";
import type { CheckContext } from "./check.ts";

export function checkServers(context: CheckContext): void {
  checkXds(context);
  checkAdmin(context);
  const { file, sound, report } = context;
  if (sound(["sidecar"]) && isIP(file.sidecar.outbound.address) === 0)
    report(["sidecar", "outbound", "address"], `must be an IP address, got ${quoted(file.sidecar.outbound.address)}`);
}

function checkXds({ file: { xds }, sound, report }: CheckContext): void {
  if (!sound(["xds"])) return;
  const address = parseListen(xds.listen);
  if (address?.kind !== "tcp")
    report(["xds", "listen"], `must be host:port, such as 127.0.0.1:18000 or [::1]:18000, got ${quoted(xds.listen)}`);
  else if (xds.tls === undefined && !xds.insecure && !isLoopback(address))
    report(
      ["xds", "listen"],
      `would serve plain text to other machines on ${quoted(xds.listen)}; configure xds.tls, listen on 127.0.0.1, or say insecure: true`,
    );
}

function checkAdmin({ file: { admin }, sound, report }: CheckContext): void {
  if (!sound(["admin"])) return;
  const address = parseListen(admin.listen);
  if (address === undefined)
    report(
      ["admin", "listen"],
      `must be host:port or unix:/path, such as 127.0.0.1:8080 or unix:/run/meshbridge.sock, got ${quoted(admin.listen)}`,
    );
  else if (!admin.insecure && !isLoopback(address))
    report(
      ["admin", "listen"],
      `would open the admin API, which has no login, to other machines on ${quoted(admin.listen)}; listen on 127.0.0.1 or unix:/path, or say insecure: true`,
    );
}
