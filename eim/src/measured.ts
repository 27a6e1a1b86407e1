/** Parts that count what they do. */

import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { WakeUpAddress } from "./domain/wake-up.ts";
import type { Es9PlusClient } from "./es9plus/es9plus-client.ts";
import type { Es11Client } from "./es9plus/smds.ts";
import type { EsipaHandler } from "./esipa/handler.ts";
import type { Metrics } from "./observability/metrics.ts";
import type { WakeUpStore } from "./storage/store.ts";
import type { Waker, Wakers } from "./wake/waker.ts";

/** Names of ESipa functions by their tag. */
const ESIPA_FUNCTIONS: Readonly<Record<number, string>> = {
	48953: "InitiateAuthentication",
	48954: "GetBoundProfilePackage",
	48955: "AuthenticateClient",
	48957: "HandleNotification",
	48961: "CancelSession",
	48974: "TransferEimPackage",
	48975: "GetEimPackage",
	48976: "ProvideEimPackageResult",
};

export function measuredEsipa(handler: EsipaHandler, metrics: Metrics, clock: Clock): EsipaHandler {
	return {
		async handle(body, peer) {
			const name = ESIPA_FUNCTIONS[((body[0] ?? 0) << 8) | (body[1] ?? 0)] ?? "unknown";
			const begun = clock.now();
			let outcome = "refused";
			try {
				const answer = await handler.handle(body, peer);
				outcome = "answered";
				return answer;
			} finally {
				metrics.esipaAnswered(name, outcome, (clock.now() - begun) / 1000);
				if (peer.link !== undefined) metrics.esipaCame(peer.link, outcome);
			}
		},
	};
}

type Called = <A extends unknown[], R>(name: string, call: (...given: A) => Promise<R>) => (...given: A) => Promise<R>;

function countedBy(metrics: Metrics): Called {
	return (name, call) =>
		async (...given) => {
			try {
				const answer = await call(...given);
				const isRefused =
					typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === "refused";
				metrics.es9PlusCalled(name, isRefused ? "refused" : "ok");
				return answer;
			} catch (error) {
				metrics.es9PlusCalled(name, "failed");
				throw error;
			}
		};
}

/** SM-DS servers count like SM-DP+: the same functions of the same family. */
export function measuredEs11(client: Es11Client, metrics: Metrics): Es11Client {
	const counted = countedBy(metrics);
	return {
		initiateAuthentication: counted("initiateAuthentication", client.initiateAuthentication),
		authenticateClient: counted("authenticateClient", client.authenticateClient),
	};
}

export function measuredEs9Plus(client: Es9PlusClient, metrics: Metrics): Es9PlusClient {
	const counted = countedBy(metrics);
	return {
		initiateAuthentication: counted("initiateAuthentication", client.initiateAuthentication),
		authenticateClient: counted("authenticateClient", client.authenticateClient),
		getBoundProfilePackage: counted("getBoundProfilePackage", client.getBoundProfilePackage),
		cancelSession: counted("cancelSession", client.cancelSession),
		handleNotification: counted("handleNotification", client.handleNotification),
	};
}

export function measuredWakers(wakers: Wakers, metrics: Metrics): Wakers {
	const counted = Object.entries(wakers as Readonly<Record<string, Waker<WakeUpAddress>>>).map(([via, waker]) => {
		const wake: Waker<WakeUpAddress>["wake"] = async (address, trigger) => {
			try {
				const sent = await waker.wake(address, trigger);
				metrics.wakeUpEnded(via, "sent");
				return sent;
			} catch (error) {
				metrics.wakeUpEnded(via, "failed");
				throw error;
			}
		};
		return [via, { ...waker, wake }];
	});
	return Object.fromEntries(counted) as Wakers;
}

export function measuredReceipts(
	store: Pick<WakeUpStore, "noteWakeUpReceipt">,
	metrics: Metrics,
): Pick<WakeUpStore, "noteWakeUpReceipt"> {
	return {
		async noteWakeUpReceipt(via, references, change) {
			const noted = await store.noteWakeUpReceipt(via, references, change);
			if (noted !== undefined) metrics.wakeUpEnded(via, change.state);
			return noted;
		},
	};
}
