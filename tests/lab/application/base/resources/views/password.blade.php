<!DOCTYPE html><title>Update your password</title>
