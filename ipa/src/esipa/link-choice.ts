/** Which of several links to an eIM is tried first: what is known of each, and what follows from it. Pure. */

/** A link that the device may use. */
export interface LinkPlan {
	/** As in the settings: https, coap, coaps+tcp, mqtt. */
	readonly name: string;
	/** Lower is better; only the order matters. */
	readonly cost: number;
	/** Also while the device's way into the network is paid by volume. */
	readonly isForMetered: boolean;
}

/** How long a link that has failed is not preferred; times in milliseconds. */
export interface LinkPatience {
	/** After the first failure; doubled after each further one. */
	readonly retryAfter: number;
	readonly retryAtMost: number;
}

/** What has gone wrong with a link since it last worked. */
export interface LinkTrouble {
	readonly reason: string;
	readonly failures: number;
	/** From then on it is tried in its turn again; never by itself where it cannot work here at all. */
	readonly retryAt: number | "never";
}

export interface LinkChoice {
	/** In the order of their cost. */
	readonly plans: readonly LinkPlan[];
	/** Over which the eIM was reached last. */
	readonly current: string | undefined;
	readonly troubles: Readonly<Record<string, LinkTrouble>>;
}

export type LinkEvent =
	| { readonly type: "reached"; readonly name: string }
	/** `stray` is between 0 and 1: the back-offs of a fleet must not end at once. */
	| {
			readonly type: "failed";
			readonly name: string;
			readonly reason: string;
			readonly at: number;
			readonly stray: number;
	  }
	/** It lacks something that does not come by itself. */
	| { readonly type: "unusable"; readonly name: string; readonly reason: string }
	/** The network is another one: what failed before may work now. */
	| { readonly type: "network-changed" };

/** A back-off is longer by so much of itself at most. */
const LARGEST_STRAY = 0.25;

/** Links of the same cost stay in the order given. */
export function newLinkChoice(plans: readonly LinkPlan[]): LinkChoice {
	return { plans: [...plans].sort((a, b) => a.cost - b.cost), current: undefined, troubles: {} };
}

export function nextLinkChoice(choice: LinkChoice, event: LinkEvent, patience: LinkPatience): LinkChoice {
	const { troubles } = choice;
	switch (event.type) {
		case "reached":
			return { ...choice, current: event.name, troubles: without(troubles, event.name) };
		case "failed": {
			const { name, reason, at, stray } = event;
			const failures = (troubles[name]?.failures ?? 0) + 1;
			const wait = Math.min(patience.retryAfter * 2 ** Math.min(failures - 1, 30), patience.retryAtMost);
			const retryAt = at + Math.round(wait * (1 + LARGEST_STRAY * stray));
			return { ...leaving(choice, name), troubles: { ...troubles, [name]: { reason, failures, retryAt } } };
		}
		case "unusable": {
			const { name, reason } = event;
			return { ...leaving(choice, name), troubles: { ...troubles, [name]: { reason, failures: 1, retryAt: "never" } } };
		}
		case "network-changed": {
			const lasting = Object.entries(troubles).filter(([, { retryAt }]) => retryAt === "never");
			return { ...choice, troubles: Object.fromEntries(lasting) };
		}
	}
}

/**
 * The links to try for a message, one after the other until one reaches the eIM: those that are due by cost, then, before
 * the device gives up, those that failed lately. What belongs to a conversation stays with the link in use.
 */
export function linksToTry(
	{ plans, current, troubles }: LinkChoice,
	situation: { readonly now: number; readonly isMetered: boolean; readonly isInConversation: boolean },
): readonly string[] {
	const { now, isMetered, isInConversation } = situation;
	const usable = plans.filter(
		({ name, isForMetered }) => (isForMetered || !isMetered) && troubles[name]?.retryAt !== "never",
	);
	const rank = (name: string) => {
		if (isInConversation && name === current) return 0;
		const retryAt = troubles[name]?.retryAt ?? 0;
		return retryAt === "never" || retryAt <= now ? 1 : 2;
	};
	return usable.map(({ name }) => name).sort((a, b) => rank(a) - rank(b));
}

function leaving(choice: LinkChoice, name: string): LinkChoice {
	return choice.current === name ? { ...choice, current: undefined } : choice;
}

function without<T>(record: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
	const { [name]: _left, ...rest } = record;
	return rest;
}
