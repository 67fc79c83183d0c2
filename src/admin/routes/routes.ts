import type { FastifyInstance } from "fastify";
import type { BridgeState } from "../state.ts";

/** Adds the routes of one resource. What it needs to know it asks of the state, at each request. */
export type Routes = (app: FastifyInstance, state: BridgeState) => void;
