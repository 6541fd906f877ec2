import type { Settings } from "../config/schema.ts";
import type { SinkSettings } from "../config/sink-fields.ts";
import { compileAudience } from "../core/told-sinks.ts";
import type { Clock } from "../lib/clock.ts";
import { AlertmanagerSink } from "../notify/alertmanager/alertmanager-sink.ts";
import { FileSink } from "../notify/file/file-sink.ts";
import type { AlertLineContext } from "../notify/line-parts.ts";
import { LogSink, type LogSinkOptions } from "../notify/log/log-sink.ts";
import { PagerDutySink } from "../notify/pagerduty/pagerduty-sink.ts";
import { PrefectEventSink, type PrefectEvents } from "../notify/prefect-event/prefect-event-sink.ts";
import type { Sink } from "../notify/sink.ts";
import { SlackSink } from "../notify/slack/slack-sink.ts";
import type { WayOutTo } from "../notify/way-out.ts";
import { WebhookSink } from "../notify/webhook/webhook-sink.ts";

export interface SinkParts extends AlertLineContext {
	readonly clock: Clock;
	readonly wayOutTo: WayOutTo;
	/** The watched server. */
	readonly prefect: PrefectEvents;
}

/** The alert log on stdout, and what the settings name beside it. */
export function sinksOf({ sinks }: Settings, parts: SinkParts & Pick<LogSinkOptions, "stdout">): readonly Sink[] {
	return [new LogSink(parts), ...sinks.map((sink) => sinkOf(sink, parts))];
}

export function sinkOf(settings: SinkSettings, parts: SinkParts): Sink {
	const { name, match = {}, severity = "info" } = settings;
	const common = { ...parts, name, wants: compileAudience({ match, severity }) };
	switch (settings.type) {
		case "slack":
			return new SlackSink({ ...common, url: settings.url.secret });
		case "pagerduty":
			return new PagerDutySink({ ...common, routingKey: settings.routingKey.secret, url: settings.url });
		case "alertmanager":
			return new AlertmanagerSink({
				...common,
				urls: settings.urls as [string, ...string[]],
				headers: settings.headers,
			});
		case "file":
			return new FileSink({ ...common, path: settings.path });
		case "prefect":
			return new PrefectEventSink(common);
		case "webhook": {
			const { url, secret = null, headers, body = null, denyPrivate } = settings;
			const signed = secret === null ? null : secret.secret;
			return new WebhookSink({ ...common, url: url.secret, secret: signed, headers, body, denyPrivate });
		}
	}
	return settings satisfies never;
}
