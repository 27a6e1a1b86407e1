import { setting } from "@iot-esim/shared/runtime/setting";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of waking devices that sleep (docs/operations/push.md). */
export const wakeSettings = {
	"wake.perHour": setting.integer({
		description: "How often one device is woken within an hour at most",
		min: 1,
		max: 60,
		default: 4,
	}),
	"wake.repeatAfter": setting.duration({
		description:
			"A woken device that has not polled is woken again after this time, then after twice that, up to a day",
		min: Minutes(1),
		max: Hours(24),
		default: Minutes(10),
	}),
	"wake.patience": setting.duration({
		description: "A device that is expected within this time is not woken but waited for",
		min: Seconds(0),
		max: Hours(24),
		default: Minutes(1),
	}),
	"wake.webhook.url": setting.string({
		description: "Your platform that wakes devices (docs/operations/push.md); for devices that name no other",
		pattern: /^https?:\/\/[^\s]+$/,
		form: "https://host/path",
		optional: true,
		example: "https://platform.example.com/wake",
	}),
	"wake.webhook.secret": setting.secret({
		description: "Signs what the platform is sent: whsec_ and base64 of 24 to 64 octets; without it nothing is sent",
		optional: true,
	}),
	"wake.webhook.allow": setting.strings({
		description: "Hosts that devices may name as their webhook besides: host, host:port or *.domain; https only",
		default: [],
		example: ["wake.customer.example.com"],
	}),
	"wake.webhook.ca": setting.path({
		description: "CA certificates (PEM) to trust the platform by; the public ones when absent",
		optional: true,
		example: "platform-ca.pem",
	}),
	"wake.webhook.timeout": setting.duration({
		description: "Longest wait for the platform's answer",
		min: Seconds(1),
		max: Seconds(30),
		default: Seconds(10),
	}),
	"smpp.url": setting.string({
		description: "SMSC that brings short messages to devices; smpps is SMPP over TLS",
		pattern: /^smpps?:\/\/[^/\s]+:\d{1,5}$/,
		form: "smpp://host:port or smpps://host:port",
		optional: true,
		example: "smpps://smsc.example.com:3550",
	}),
	"smpp.systemId": setting.string({ description: "Name of this eIM at the SMSC", default: "eim" }),
	"smpp.password": setting.secret({ description: "Password of smpp.systemId", optional: true }),
	"smpp.systemType": setting.string({ description: "As the SMSC's operator says; mostly empty", default: "" }),
	"smpp.ca": setting.path({
		description: "CA certificates (PEM) to trust the SMSC by; the public ones when absent",
		optional: true,
		example: "smsc-ca.pem",
	}),
	"smpp.source": setting.string({
		description:
			"From whom messages come: a number, a short code or a name of 11 letters; the SMSC's choice when empty",
		pattern: /^(\+?\d{1,15}|[A-Za-z0-9 ._-]{0,11})$/,
		form: "digits, or up to 11 letters",
		default: "",
	}),
	"smpp.payload": setting.string({
		description: "What stands in a wake-up message, hex; devices may want another one (wakeUp.payload)",
		pattern: /^([0-9A-Fa-f]{2}){1,120}$/,
		form: "1 to 120 octets in hex",
		default: "706F6C6C",
	}),
	"smpp.window": setting.integer({
		description: "Messages that wait for the SMSC's answer at once",
		min: 1,
		max: 1000,
		default: 10,
	}),
	"smpp.perSecond": setting.integer({
		description: "Messages in a second at most, as agreed with the SMSC's operator",
		min: 1,
		max: 10_000,
		default: 10,
	}),
	"smpp.enquireEvery": setting.duration({
		description: "How often the SMSC is asked for a sign of life (enquire_link)",
		min: Seconds(1),
		max: Hours(1),
		default: Seconds(30),
	}),
} as const;
