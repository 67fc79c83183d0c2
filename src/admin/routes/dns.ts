/** `/v1/dns`: what the name server answers, and why. */
import { isIP } from "node:net";
import { type Static, Type } from "typebox";
import type { DnsRecord } from "../../dns/records.ts";
import { fail } from "../../model/errors.ts";
import type { Routes } from "./routes.ts";
import { LocalityAnswer, PROBLEMS } from "./schemas.ts";

const TYPES = ["A", "AAAA", "SRV", "SOA", "NS", "TXT", "ANY"] as const;

const Query = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 254, pattern: "^[A-Za-z0-9._*-]+$", description: "The name asked for." }),
    type: Type.Enum([...TYPES], { default: "A" }),
    from: Type.String({ default: "127.0.0.1", maxLength: 45, description: "The IP address that asks." }),
  },
  { additionalProperties: false },
);

const RecordAnswer = Type.Object({
  name: Type.String(),
  type: Type.String(),
  ttl: Type.Integer({ description: "Seconds." }),
  data: Type.String({ description: "As in a zone file." }),
});

const Answer = Type.Object({
  rcode: Type.String(),
  why: Type.String({ description: "In one sentence." }),
  asker: Type.Object({ network: Type.String(), cluster: Type.String(), locality: LocalityAnswer }),
  answers: Type.Array(RecordAnswer),
  authorities: Type.Array(RecordAnswer),
  additionals: Type.Array(RecordAnswer),
});
export type DnsQueryAnswer = Static<typeof Answer>;

export const dnsRoutes: Routes = (app, { dns }) => {
  app.get(
    "/v1/dns",
    {
      schema: {
        tags: ["explain"],
        summary: "The zones of the name server; none: there is no name server",
        response: { 200: Type.Object({ zones: Type.Array(Type.String()) }), ...PROBLEMS },
      },
    },
    async () => ({ zones: dns.zones() }),
  );
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/dns/answer",
    {
      schema: {
        tags: ["explain"],
        summary: "What the name server answers to whom, and why",
        querystring: Query,
        response: { 200: Answer, ...PROBLEMS },
      },
    },
    async ({ query: { name, type, from } }) => {
      if (isIP(from) === 0) throw fail("MB_BAD_REQUEST", { reason: "`from` must be an IP address" });
      const explained = dns.explain(name, type, from);
      if (explained === undefined)
        throw fail("MB_NOT_FOUND", { what: "section of the configuration", name: "dns", list: "GET /v1/config" });
      const { asker, answer } = explained;
      const { network, cluster, locality } = asker.client;
      return {
        rcode: answer.rcode,
        why: answer.why,
        asker: { network, cluster, locality },
        answers: answer.answers.map(shown),
        authorities: answer.authorities.map(shown),
        additionals: answer.additionals.map(shown),
      };
    },
  );
};

function shown(record: DnsRecord): Static<typeof RecordAnswer> {
  const { name, type, ttl } = record;
  return { name, type, ttl, data: dataText(record) };
}

function dataText(record: DnsRecord): string {
  switch (record.type) {
    case "SRV": {
      const { priority, weight, port, target } = record.data;
      return `${priority} ${weight} ${port} ${target}`;
    }
    case "SOA": {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
      return `${mname} ${rname} ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
    }
    case "HINFO":
      return `"${record.data.cpu}" "${record.data.os}"`;
    default:
      return record.data;
  }
}
