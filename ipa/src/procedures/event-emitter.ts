import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { IpaEvent, IpaEventType } from "./ipa-event.ts";

export type IpaEventOf<T extends IpaEventType> = Extract<IpaEvent, { readonly type: T }>;
type Listener = (event: IpaEvent) => void;

/** Hands events to listeners; one that throws is logged and does not disturb the procedure. */
export class IpaEvents {
	readonly #listeners = new Set<Listener>();
	readonly #log: Logger;

	constructor(log: Logger) {
		this.#log = log;
	}

	/** Hears every event; the returned function ends it. */
	onAny(listener: (event: IpaEvent) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Hears events of one type; the returned function ends it. */
	on<T extends IpaEventType>(type: T, listener: (event: IpaEventOf<T>) => void): () => void {
		return this.onAny((event) => {
			if (event.type === type) listener(event as IpaEventOf<T>);
		});
	}

	emit(event: IpaEvent): void {
		for (const listener of this.#listeners) {
			try {
				listener(event);
			} catch (error) {
				this.#log.error("event listener failed", { event: event.type, error });
			}
		}
	}
}
