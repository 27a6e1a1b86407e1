/** Over what a device speaks to the eIM. */
export const DEVICE_LINKS = ["https-asn1", "https-json", "coap", "coaps+tcp", "mqtt", "lwm2m"] as const;

export type DeviceLink = (typeof DEVICE_LINKS)[number];
