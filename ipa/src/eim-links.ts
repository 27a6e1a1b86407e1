import type { Logger } from "@iot-esim/shared/runtime/logger";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { EimConfiguration } from "./card/eim-configuration.ts";
import { DialectLink, type EimDialect } from "./esipa/dialect-link.ts";
import type { EimMemory } from "./esipa/eim-knowledge.ts";
import { EsipaClient } from "./esipa/esipa-client.ts";
import type { EsipaLink } from "./esipa/esipa-link.ts";
import type { EsipaTarget } from "./esipa/http-link.ts";
import { MinimizingEsipaClient } from "./esipa/minimizing-client.ts";
import type { AssociatedEim } from "./procedures/procedure-context.ts";

/** An eIM of the card with its open link. */
export interface LinkedEim extends AssociatedEim {
	readonly link: EsipaLink;
	readonly configuration: EimConfiguration;
}

/** Keeps one link for each eIM of the card; a changed configuration means a new link. */
export class EimLinks {
	readonly #open: (target: EsipaTarget, eid: Uint8Array) => EsipaLink;
	readonly #log: Logger;
	readonly #dialect: EimDialect;
	readonly #memoryOf: ((eimId: string) => EimMemory) | undefined;
	#eims: readonly LinkedEim[] = [];

	/** @param memoryOf what each eIM knows; without it, messages are never compact */
	constructor(
		open: (target: EsipaTarget, eid: Uint8Array) => EsipaLink,
		log: Logger,
		dialect: EimDialect = "auto",
		memoryOf?: (eimId: string) => EimMemory,
	) {
		this.#memoryOf = memoryOf;
		this.#open = open;
		this.#log = log;
		this.#dialect = dialect;
	}

	/**
	 * The eIMs of these configurations; one that names no way to it is left out.
	 * @throws EsipaLinkError when none is left
	 */
	async update(eid: Uint8Array, configurations: readonly EimConfiguration[]): Promise<readonly LinkedEim[]> {
		const before = this.#eims;
		let failure: unknown;
		this.#eims = configurations.flatMap((configuration) => {
			const known = before.find((eim) => equalBytes(eim.configuration.der, configuration.der));
			if (known !== undefined) return [known];
			try {
				const link = new DialectLink(this.#open(configuration, eid), this.#dialect);
				const { eimId, associationToken, indirectProfileDownload } = configuration;
				const esipa = this.#client(link, eid, eimId);
				return [{ eimId, associationToken, indirectProfileDownload, configuration, link, esipa }];
			} catch (error) {
				failure = error;
				this.#log.error("eIM left out", { eimId: configuration.eimId, error });
				return [];
			}
		});
		for (const eim of before) if (!this.#eims.includes(eim)) await eim.link.close();
		if (this.#eims.length === 0 && failure !== undefined) throw failure;
		return this.#eims;
	}

	#client(link: EsipaLink, eid: Uint8Array, eimId: string): AssociatedEim["esipa"] {
		const client = new EsipaClient(link, eid);
		return this.#memoryOf === undefined ? client : new MinimizingEsipaClient(client, eid, this.#memoryOf(eimId));
	}

	/** The device has another address. */
	renew(): void {
		for (const { link } of this.#eims) link.renew?.();
	}

	/** The device's network is another one. */
	tryAnew(): void {
		for (const { link } of this.#eims) link.tryAnew?.();
	}

	async close(): Promise<void> {
		const open = this.#eims;
		this.#eims = [];
		for (const eim of open) await eim.link.close();
	}
}
