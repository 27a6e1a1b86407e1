import { Minutes } from "@iot-esim/shared/util/duration";
import type { Device } from "../domain/device.ts";
import type { DeviceLink } from "../domain/device-link.ts";
import type { EsipaContext } from "./esipa-deps.ts";

/** The same link is noted again after such a time: polls note it by the way, and only pushed devices never poll. */
const NOTED_AGAIN_AFTER = Minutes(5);

/** Notes over what a result came, where the poll before has not. */
export async function noteLink(
	{ store, clock }: Pick<EsipaContext, "store" | "clock">,
	{ eid, lastLink, lastLinkAt = 0 }: Device,
	link: DeviceLink | undefined,
): Promise<void> {
	const now = clock.now();
	if (link === undefined || (link === lastLink && now - lastLinkAt < NOTED_AGAIN_AFTER)) return;
	await store.changeDevice(eid, { lastLink: link, lastLinkAt: now });
}
