/** The topics of ESipa over MQTT. docs/operations/mqtt.md is their specification; every octet of them is sent each time. */

/** What stands where nothing else is configured: E(Sipa), version 1 of this binding. */
export const DEFAULT_PREFIX = "e1";

/** What a topic of a device says to the eIM. */
export type UpTopic =
	| { readonly kind: "request"; readonly eid: string; readonly answerTopic: string }
	/** To a TransferEimPackage of one replica of the eIM. */
	| { readonly kind: "transferAnswer"; readonly eid: string; readonly number: string };

/** What a topic of the eIM says to a device. */
export type DownTopic =
	/** `number` as in the topic of the request; absent where Correlation Data says it. */
	| { readonly kind: "answer"; readonly number?: string }
	| { readonly kind: "transfer"; readonly answerTopic: string }
	| { readonly kind: "hint" };

const UP = /^u\/(\d{32})(?:\/(\d{1,8})|\/t\/([0-9a-z]{1,16})\/(\d{1,8}))?$/;
const DOWN = /^d\/(\d{32})(?:\/(?:(\d{1,8})|(h)|t\/([0-9a-z]{1,16}\/\d{1,8})))?$/;

export class EsipaTopics {
	readonly #prefix: string;

	constructor(prefix: string = DEFAULT_PREFIX) {
		this.#prefix = prefix;
	}

	/** Requests of all devices. */
	requestFilters(shareGroup: string): readonly string[] {
		const share = shareGroup === "" ? "" : `$share/${shareGroup}/`;
		return [`${share}${this.#prefix}/u/+`, `${share}${this.#prefix}/u/+/+`];
	}

	/** Answers of all devices to what this replica has brought them. */
	transferAnswerFilter(replica: string): string {
		return `${this.#prefix}/u/+/t/${replica}/+`;
	}

	/** Wake-up hints of all devices. */
	get hintFilter(): string {
		return `${this.#prefix}/d/+/h`;
	}

	/** All that a device listens to. */
	deviceFilter(eid: string): string {
		return `${this.#prefix}/d/${eid}/#`;
	}

	/** @param number absent where Correlation Data says it */
	request(eid: string, number?: number): string {
		return `${this.#prefix}/u/${eid}${number === undefined ? "" : `/${number}`}`;
	}

	transfer(eid: string, replica: string, number: number): string {
		return `${this.#prefix}/d/${eid}/t/${replica}/${number}`;
	}

	hint(eid: string): string {
		return `${this.#prefix}/d/${eid}/h`;
	}

	/** Undefined for topics that are none of this binding. */
	readUp(topic: string): UpTopic | undefined {
		const [, eid, number, replica, transferNumber] = UP.exec(this.#inside(topic)) ?? [];
		if (eid === undefined) return undefined;
		if (replica !== undefined && transferNumber !== undefined) {
			return { kind: "transferAnswer", eid, number: transferNumber };
		}
		const answerTopic = `${this.#prefix}/d/${eid}${number === undefined ? "" : `/${number}`}`;
		return { kind: "request", eid, answerTopic };
	}

	/** Undefined for topics that are none of this device. */
	readDown(eid: string, topic: string): DownTopic | undefined {
		const [, named, number, hint, transfer] = DOWN.exec(this.#inside(topic)) ?? [];
		if (named !== eid) return undefined;
		if (hint !== undefined) return { kind: "hint" };
		if (transfer !== undefined) return { kind: "transfer", answerTopic: `${this.#prefix}/u/${eid}/t/${transfer}` };
		return { kind: "answer", ...(number === undefined ? {} : { number }) };
	}

	/** The EID of a hint's topic. */
	readHint(topic: string): string | undefined {
		const [, eid, , hint] = DOWN.exec(this.#inside(topic)) ?? [];
		return hint === undefined ? undefined : eid;
	}

	/** A device may have its answers on topics of its own alone. */
	isOf(eid: string, topic: string): boolean {
		const own = `${this.#prefix}/d/${eid}`;
		return (topic === own || topic.startsWith(`${own}/`)) && !/[+#\0]/.test(topic);
	}

	#inside(topic: string): string {
		return topic.startsWith(`${this.#prefix}/`) ? topic.slice(this.#prefix.length + 1) : "";
	}
}
