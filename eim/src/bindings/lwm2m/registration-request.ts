import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import { type DeviceObjects, readObjectLinks } from "./link-format.ts";

/** What a device says of itself in Register, and of what has changed in Update (LwM2M Core sections 6.2.1 and 6.2.2). */
export interface RegistrationRequest {
	/** Endpoint client name; LwM2M 1.1 lets it out where the security says it. */
	readonly endpoint?: string;
	readonly lifetime?: Duration;
	/** As "1.1". */
	readonly version?: string;
	/** It sleeps, and is there for some time after each of its messages. */
	readonly usesQueueMode?: boolean;
	readonly objects?: DeviceObjects;
}

export const DEFAULT_LIFETIME = Seconds(86_400);
const LONGEST_LIFETIME = 0xffff_ffff;
const LONGEST_NAME = 190;

/**
 * @param query options of the request, each `name=value`
 * @param links body in link format
 * @returns in words what is wrong with it otherwise
 */
export function readRegistration(query: readonly string[], links: Uint8Array): RegistrationRequest | string {
	const parameters = new Map(
		query.map((one): [string, string] => {
			const at = one.indexOf("=");
			return at < 0 ? [one, ""] : [one.slice(0, at), one.slice(at + 1)];
		}),
	);
	const [endpoint, lt, version, binding] = ["ep", "lt", "lwm2m", "b"].map((name) => parameters.get(name));
	if (endpoint !== undefined && !isName(endpoint)) {
		return `ep has 1 to ${LONGEST_NAME} characters without control characters`;
	}
	if (lt !== undefined && !/^\d{1,10}$/.test(lt)) return "lt is a number of seconds";
	const seconds = Math.min(Number(lt), LONGEST_LIFETIME);
	if (lt !== undefined && seconds < 1) return "lt is at least one second";
	if (binding !== undefined && !/^[UTSNQ]{1,5}$/.test(binding)) return "b is made of U, T, S, N and Q";
	const objects = links.length === 0 ? undefined : readObjectLinks(new TextDecoder().decode(links));
	if (links.length > 0 && objects === undefined) return "the body is no list of links (application/link-format)";
	const saysQueueMode = binding !== undefined || parameters.has("Q");
	return {
		...(endpoint === undefined ? {} : { endpoint }),
		...(lt === undefined ? {} : { lifetime: Seconds(seconds) }),
		...(version === undefined ? {} : { version }),
		...(saysQueueMode ? { usesQueueMode: parameters.has("Q") || binding?.includes("Q") === true } : {}),
		...(objects === undefined ? {} : { objects }),
	};
}

function isName(text: string): boolean {
	return text.length > 0 && text.length <= LONGEST_NAME && !/\p{Cc}/u.test(text);
}
