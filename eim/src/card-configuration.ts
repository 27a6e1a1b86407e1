import { X509Certificate } from "node:crypto";
import { EimId } from "@iot-esim/shared/ids/eim-id";
import { EimIdTypeCode } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { EimConfiguration } from "./api/api-deps.ts";
import type { EimConfig } from "./config.ts";
import {
	addInitialEimRequest,
	type EimConfigurationSettings,
	readEimConfiguration,
	tlsTrustIdOf,
} from "./esipa/eim-configuration.ts";
import type { SigningKeys } from "./esipa/signing-keys.ts";
import type { EimKeys } from "./storage/store.ts";

/** What cards are told of this eIM, as it is configured now. */
export interface CardConfiguration extends EimConfiguration {
	settings(): EimConfigurationSettings;
	/** What devices know that were registered before anybody noted what they know. */
	readonly eldest: EimKeys;
	/** The port that devices connect to, once it is known. */
	setPort(port: number): void;
}

/** A server of ours for devices, with the CA that its chain ends at. */
export type TlsIdentity = ServerIdentity & { readonly ca: Uint8Array };

const ID_TYPES: Readonly<Record<string, number>> = {
	oid: EimIdTypeCode.eimIdTypeOid,
	fqdn: EimIdTypeCode.eimIdTypeFqdn,
	proprietary: EimIdTypeCode.eimIdTypeProprietary,
};

export function cardConfiguration(
	config: EimConfig,
	signingKeys: SigningKeys,
	tls: TlsIdentity,
	formerTls: TlsIdentity | undefined,
): CardConfiguration {
	let port = config["esipa.port"];
	const pin = config["tls.pin"];
	const eimId = eimIdOf(config);
	const signer = signingKeys.current;
	const trustOf = (identity: TlsIdentity): Pick<EimConfigurationSettings, "tlsTrust"> => {
		if (pin === "ca") return { tlsTrust: { kind: "certificate", der: identity.ca } };
		return pin === "publicKey" ? { tlsTrust: { kind: "publicKey", spki: spkiOf(identity.certificate) } } : {};
	};
	const settings = (): EimConfigurationSettings => ({
		eimId,
		eimFqdn: withPort(config["eim.fqdn"], port),
		eimIdType: ID_TYPES[config["eim.idType"]],
		...(config["esipa.associationToken"] === "none" ? { associationToken: null } : {}),
		...trustOf(tls),
		furtherProtocols: furtherProtocolsOf(config),
	});
	return {
		eimId,
		signingKeyIds: signingKeys.ids,
		tlsTrustId: tlsTrustIdOf(settings()),
		eldest: {
			signingKeyId: signingKeys.ids.at(-1) ?? signingKeys.currentId,
			tlsTrustId: tlsTrustIdOf(trustOf(formerTls ?? tls)),
		},
		settings,
		setPort: (listening) => {
			port = listening;
		},
		der: () => addInitialEimRequest(settings(), signer),
		describe: () => ({
			eimId,
			eimFqdn: withPort(config["eim.fqdn"], port),
			eimIdType: config["eim.idType"],
			curve: signer.curve,
			signingPublicKey: toHex(signer.publicKey),
			signingKeyId: signingKeys.currentId,
			tlsTrust: pin,
		}),
		read: readEimConfiguration,
	};
}

/** coaps+tcp and MQTT are bindings that SGP.32 does not name. */
function furtherProtocolsOf(config: EimConfig): NonNullable<EimConfigurationSettings["furtherProtocols"]> {
	const isServed = (...settings: readonly (keyof EimConfig)[]) => settings.some((one) => config[one] !== undefined);
	return [
		...(isServed("coap.port", "coap.provenPort", "coap.rawKeyPort")
			? (["eimRetrieveCoaps", "eimInjectCoaps"] as const)
			: []),
		...(isServed("coap.tcpPort", "coap.provenTcpPort", "mqtt.url") ? (["eimProprietary"] as const) : []),
	];
}

export function eimIdOf(config: EimConfig): EimId {
	return EimId(config["eim.id"] ?? hostOf(config["eim.fqdn"]));
}

export const hostOf = (address: string) => address.replace(/:\d+$/, "");

/** A card is told the port unless it is the one of HTTPS anyway. */
function withPort(fqdn: string, port: number): string {
	return /:\d+$/.test(fqdn) || port === 443 || port === 0 ? fqdn : `${fqdn}:${port}`;
}

function spkiOf(certificatePem: string): Uint8Array {
	return new Uint8Array(new X509Certificate(certificatePem).publicKey.export({ format: "der", type: "spki" }));
}
