-- Applies operators' actions to one queue, in order.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  when the actions began, in Unix milliseconds by the server's clock: jobs that end later are not cleaned
--   ARGV[2]  the actions, in MessagePack: { {action, arguments...}, ... }
-- Returns for each an error message, true if more is left to do than one call may, or false if it is done.
-- use: removeJob-2
-- use: promote-9
-- use: reprocessJob-9
-- use: pause-7
-- use: cleanJobsInSet-3

local prefix, now = KEYS[1], ARGV[1]
-- Keeps one call under about 5 ms.
local CLEAN_LIMIT = 250
local HELD = "a worker holds the job"
local GONE = "the job is gone"

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = prefix .. name
    end
    return names
end

-- Without this check, a removal would search every list for a job that does not exist. BullMQ's own ids restart
-- after a flush, so a job with such an id is identified by its timestamp too.
local function is_gone(id, timestamp)
    local found = redis.call("HGET", prefix .. id, "timestamp")
    return not found or (timestamp ~= "" and tonumber(found) ~= tonumber(timestamp))
end

local function is_held(id)
    return redis.call("EXISTS", prefix .. id .. ":lock") == 1
end

-- Whether the flow of a parent depends on the job: it waits for it, or cannot be completed unless the job is retried.
local function is_awaited(id)
    local parent = redis.call("HGET", prefix .. id, "parentKey")
    return parent and (redis.call("SISMEMBER", parent .. ":dependencies", prefix .. id) == 1
        or redis.call("ZSCORE", parent .. ":unsuccessful", prefix .. id))
end

local function run_at_once(id)
    return promote(
        keys("delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker"), { prefix, id })
end

local function is_over(id)
    return redis.call("ZSCORE", prefix .. "failed", id) and "failed"
        or redis.call("ZSCORE", prefix .. "completed", id) and "completed"
end

local actions = {}

-- BullMQ removes the dependency with the job, and the parent would run without its result. So a job that a flow depends
-- on stays: a cancelled one is to fail, so that its own options say what becomes of the parent.
-- BullMQ does not remove the next run of a job scheduler: it stays, and its claim is rejected.
function actions.remove(id, timestamp, reason)
    if is_gone(id, timestamp) then
        return false
    elseif not is_awaited(id) then
        return removeJob({ prefix .. id, prefix .. "repeat" }, { id, "0", prefix }) == 0 and HELD
    elseif reason == "" or is_over(id) then
        return false
    elseif is_held(id) then
        return HELD
    end
    -- What BullMQ calls a deferred failure: whichever worker takes the job fails it without running it.
    redis.call("HSET", prefix .. id, "defa", reason)
    run_at_once(id)
    return false
end

-- A job that is held may be about to become delayed: its retry is recorded before it is acknowledged.
function actions.promote(id, timestamp)
    if is_gone(id, timestamp) then
        return false
    end
    return run_at_once(id) ~= 0 and is_held(id) and HELD
end

-- A job that is not over was put back already, or never taken out; it may be about to fail for having been cancelled.
-- One that is held may be in the hands of a worker that has it from before its retry.
-- Its attempts start over, but their count goes on: it is the fence.
function actions.reopen(id, timestamp)
    if is_gone(id, timestamp) then
        return GONE
    end
    local key, state = prefix .. id, is_over(id)
    if is_held(id) then
        return HELD
    elseif redis.call("ZCARD", key .. ":unsuccessful") > 0 then
        return "a child of its flow has failed: retry that first"
    elseif state and redis.call("SCARD", key .. ":dependencies") > 0 then
        return "its flow's children are not done yet"
    end
    redis.call("HDEL", key, "defa")
    if not state then
        run_at_once(id)
        return false
    end
    local readable, options = pcall(cjson.decode, redis.call("HGET", key, "opts"))
    local push = readable and type(options) == "table" and options.lifo == true and "RPUSH" or "LPUSH"
    local property = state == "failed" and "failedReason" or "returnvalue"
    reprocessJob(keys(id, "events", state, "wait", "meta", "active", "marker", "prioritized", "pc"),
        { id, push, property, state, "1", "0" })
    return false
end

function actions.pause()
    pause(keys("wait", "paused", "meta", "prioritized", "events", "delayed", "marker"), { "paused" })
    return false
end

-- Jobs that an older BullMQ set aside come back some thousand at a time.
function actions.resume()
    return pause(keys("paused", "wait", "meta", "prioritized", "events", "delayed", "marker"), { "resumed" }) > 0
end

function actions.clean()
    local cleaned = cleanJobsInSet(keys("completed", "events", "repeat"), { prefix, now, CLEAN_LIMIT, "completed" })
    return #cleaned == CLEAN_LIMIT
end

local replies = {}
for i, change in ipairs(cmsgpack.unpack(ARGV[2])) do
    local ok, reply = pcall(actions[change[1]], unpack(change, 2))
    if ok then
        replies[i] = reply
    else
        replies[i] = type(reply) == "table" and reply.err or tostring(reply)
    end
end
return replies
