import type { InjectAddress } from "./device.ts";

/** Over what a device speaks to the eIM. */
export const DEVICE_LINKS = ["https-asn1", "https-json", "coap", "coaps+tcp", "mqtt", "lwm2m"] as const;

export type DeviceLink = (typeof DEVICE_LINKS)[number];

/** The link over which packages are brought to this address. */
export function linkOf({ url, binding }: InjectAddress): DeviceLink {
	const scheme = url.slice(0, url.indexOf(":"));
	return LINKS_OF_SCHEMES[scheme] ?? (binding === "json" ? "https-json" : "https-asn1");
}

const LINKS_OF_SCHEMES: Readonly<Record<string, DeviceLink>> = {
	mqtt: "mqtt",
	lwm2m: "lwm2m",
	coaps: "coap",
	"coaps+tcp": "coaps+tcp",
};
