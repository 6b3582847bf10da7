-- Traces: where the trace of a job goes on, as OpenTelemetry's propagators write it, in JSON; BullMQ's own `tm`.
ALTER TABLE herdbook.jobs ADD COLUMN trace_context text CHECK (length(trace_context) BETWEEN 1 AND 2000);
