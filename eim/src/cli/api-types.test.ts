import type { Static } from "@sinclair/typebox";
import { expectTypeOf, it } from "vitest";
import type {
	Accepted,
	ApiKeyView,
	AuditView,
	DeviceView,
	EventView,
	NotificationView,
	OperationView,
	ProfileView,
	SeenUnknownView,
} from "../api/schemas.ts";
import type {
	AcceptedJson,
	ApiKeyJson,
	AuditJson,
	DeviceJson,
	EventJson,
	NotificationJson,
	OperationJson,
	ProfileJson,
	SeenUnknownJson,
} from "./api-types.ts";

it("takes the answers for what the API says they are", () => {
	expectTypeOf<Static<typeof DeviceView>>().toExtend<DeviceJson>();
	expectTypeOf<Static<typeof ProfileView>>().toExtend<ProfileJson>();
	expectTypeOf<Static<typeof OperationView>>().toExtend<OperationJson>();
	expectTypeOf<Static<typeof Accepted>>().toExtend<AcceptedJson>();
	expectTypeOf<Static<typeof NotificationView>>().toExtend<NotificationJson>();
	expectTypeOf<Static<typeof EventView>>().toExtend<EventJson>();
	expectTypeOf<Static<typeof SeenUnknownView>>().toExtend<SeenUnknownJson>();
	expectTypeOf<Static<typeof AuditView>>().toExtend<AuditJson>();
	expectTypeOf<Static<typeof ApiKeyView>>().toExtend<ApiKeyJson>();
});
