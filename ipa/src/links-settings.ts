import { setting } from "@iot-esim/shared/runtime/setting";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of the choice between several links to an eIM (docs/operations/ipa.md). */
export const linksSettings = {
	"eim.links": setting.strings({
		description:
			"Links to eIMs among which the device chooses, instead of eim.transport: the first that works, in this order, or in the order of costs where they are given (coap=1)",
		default: [],
		example: ["coap", "coaps+tcp", "https"],
	}),
	"links.notOnMetered": setting.strings({
		description: "Links of eim.links that are not used while the device's network is paid by volume",
		default: [],
		example: ["https"],
	}),
	"links.retryAfter": setting.duration({
		description:
			"Time for which a link that has failed is not preferred; doubled after each further failure, and a quarter longer at most, at random",
		min: Seconds(1),
		default: Minutes(5),
	}),
	"links.retryAtMost": setting.duration({
		description: "Longest time for which a link that has failed is not preferred",
		min: Seconds(1),
		default: Hours(6),
	}),
};
