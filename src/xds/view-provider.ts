/** Where the xDS server gets the resources for a client from. */
import type { Client } from "../routing/client.ts";
import type { ViewTables } from "./types.ts";

export interface ViewHandle {
  /** Clients with equal keys share one view. */
  readonly key: string;
  readonly tables: ViewTables;
  /** False until the view may be served at all (see catalog sync states). */
  readonly ready: boolean;
  /** Called after every change of tables, `ready` or `complete`; returns how to stop it. */
  subscribe(onChange: () => void): () => void;
  /** The client is gone. Call once. */
  release(): void;
}

export interface ViewProvider {
  /** The view for this client, made when nobody has asked for it before. */
  acquire(client: Client): ViewHandle;
}
